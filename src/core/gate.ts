import { Unavailable } from "./errors.ts";

/** A bulkhead: so many at a time, so many waiting, and an honest refusal beyond. */
export class Gate {
  readonly #limits: { concurrent: number; waiting: number };
  /** What waits, by who asked for it, in the order in which they have their turns. */
  readonly #queues = new Map<unknown, (() => void)[]>();
  #running = 0;
  #waiting = 0;

  constructor(limits: { concurrent: number; waiting: number }) {
    this.#limits = limits;
  }

  /** Throws Unavailable when too many wait already. Owners take turns: the many works of one don't delay another's. */
  async run<T>(work: () => Promise<T>, owner?: unknown): Promise<T> {
    if (this.#running >= this.#limits.concurrent) {
      if (this.#waiting >= this.#limits.waiting) {
        throw new Unavailable("The server is busy with this right now; try again in a moment", {
          retryAfterMs: 2_000,
        });
      }
      // The one that leaves hands its place over, so none can slip in between.
      await new Promise<void>((resolve) => this.#wait(resolve, owner));
    } else this.#running++;
    try {
      return await work();
    } finally {
      const next = this.#next();
      if (next) next();
      else this.#running--;
    }
  }

  #wait(resume: () => void, owner: unknown): void {
    this.#waiting++;
    const queue = this.#queues.get(owner);
    if (queue) queue.push(resume);
    else this.#queues.set(owner, [resume]);
  }

  #next(): (() => void) | undefined {
    const [turn] = this.#queues;
    if (!turn) return undefined;
    const [owner, queue] = turn;
    const resume = queue.shift();
    this.#queues.delete(owner);
    if (queue.length > 0) this.#queues.set(owner, queue);
    this.#waiting--;
    return resume;
  }
}
