import type { InvalidationEntry, InvalidationListener, InvalidationLog } from "./port.ts";

/** The log of a single process: everybody has heard of it when `append` returns. */
export class MemoryInvalidationLog implements InvalidationLog {
  readonly #listeners: InvalidationListener[] = [];

  async append(entry: InvalidationEntry): Promise<void> {
    for (const listener of this.#listeners) listener.onEntry({ ...entry, isOwn: true });
  }

  async catchUp(): Promise<void> {}

  listen(listener: InvalidationListener): void {
    this.#listeners.push(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.length = 0;
  }
}
