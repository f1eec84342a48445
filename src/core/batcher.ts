interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Group commit: an item that comes when nothing runs goes at once, alone; items that come while others are under way
 * wait for a place and then go together. So a quiet server loses no time, and a busy one does less work for each.
 */
export class Batcher<Item, Result> {
  readonly #options: BatcherOptions<Item, Result>;
  #queue: Waiting<Item, Result>[] = [];
  #running = 0;

  constructor(options: BatcherOptions<Item, Result>) {
    this.#options = options;
  }

  /** Resolves to the item's own result. */
  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ item, resolve, reject });
      this.#start();
    });
  }

  #start(): void {
    const { batchesMost, itemsMost, itemsForAnother } = this.#options;
    while (this.#running < batchesMost && this.#queue.length >= (this.#running === 0 ? 1 : itemsForAnother)) {
      const batch = this.#queue.splice(0, itemsMost);
      this.#running++;
      this.#settle(batch).finally(() => {
        this.#running--;
        this.#start();
      });
    }
  }

  /** Never rejects: each of the items is told. */
  async #settle(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#options.run(batch.map(({ item }) => item));
      batch.forEach(({ resolve }, i) => {
        resolve(results[i] as Result);
      });
    } catch (error) {
      if (batch.length === 1 || !this.#options.hadNoEffect(error)) {
        for (const { reject } of batch) reject(error);
        return;
      }
      // One of them is at fault, and the others must not suffer from it.
      for (const waiting of batch) await this.#settle([waiting]);
    }
  }
}

export interface BatcherOptions<Item, Result> {
  readonly itemsMost: number;
  /** How many batches may be under way at a time. */
  readonly batchesMost: number;
  /** How many items must wait for another batch to start beside one that is under way. */
  readonly itemsForAnother: number;
  /** All of them or none; results in the order of the items. */
  readonly run: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** Whether an error says for certain that nothing was done, so that the items may be tried one by one. */
  readonly hadNoEffect: (error: unknown) => boolean;
}
