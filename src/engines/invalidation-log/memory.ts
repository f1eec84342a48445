import type { InvalidationEntry, InvalidationListener, InvalidationLog } from "./port.ts";

/** The log of a single process: everybody has heard of it when `append` returns. */
export class MemoryInvalidationLog implements InvalidationLog {
  readonly #listeners: InvalidationListener[] = [];
  #entries = 0n;

  async append(entry: InvalidationEntry): Promise<void> {
    const position = { history: "", entry: ++this.#entries };
    for (const listener of this.#listeners) {
      listener.onEntry({ ...entry, isOwn: true, position });
      listener.onReadTo?.(position);
    }
  }

  async catchUp(): Promise<void> {}

  listen(listener: InvalidationListener): void {
    this.#listeners.push(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.length = 0;
  }
}
