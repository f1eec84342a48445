import { Unavailable } from "./errors.ts";

/** A bulkhead: so many at a time, so many waiting, and an honest refusal beyond. */
export class Gate {
  readonly #limits: { concurrent: number; waiting: number };
  readonly #queue: (() => void)[] = [];
  #running = 0;

  constructor(limits: { concurrent: number; waiting: number }) {
    this.#limits = limits;
  }

  /** Throws Unavailable when too many wait already. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#limits.concurrent) {
      if (this.#queue.length >= this.#limits.waiting) {
        throw new Unavailable("The server is busy with this right now; try again in a moment", {
          retryAfterMs: 2_000,
        });
      }
      // The one that leaves hands its place over, so none can slip in between.
      await new Promise<void>((resolve) => this.#queue.push(resolve));
    } else this.#running++;
    try {
      return await work();
    } finally {
      const next = this.#queue.shift();
      if (next) next();
      else this.#running--;
    }
  }
}
