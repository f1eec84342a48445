import type { LiveBus } from "./port.ts";

/** The bus of a single process. */
export class MemoryLiveBus implements LiveBus {
  readonly #listeners = new Map<string, Set<(message: unknown) => void>>();

  async publish(channel: string, message: unknown): Promise<void> {
    // A copy, since a listener may unsubscribe while it's being called.
    for (const listener of [...(this.#listeners.get(channel) ?? [])]) listener(message);
  }

  async subscribe(channel: string, listener: (message: unknown) => void): Promise<() => void> {
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(channel) === listeners) this.#listeners.delete(channel);
    };
  }

  async listening(channels: readonly string[]): Promise<string[]> {
    return channels.filter((channel) => this.#listeners.has(channel));
  }

  /** Listeners open, over all channels: what a leak would show in. */
  get size(): number {
    let size = 0;
    for (const listeners of this.#listeners.values()) size += listeners.size;
    return size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.clear();
  }
}
