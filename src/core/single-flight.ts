import { readOnlyRequest } from "./read-only.ts";

/**
 * Joins concurrent calls for one key into one run of `work`; all callers get its result or its error. Requests that
 * only read may be answered where others wait, and with what others mustn't use: they join each other alone.
 */
export class SingleFlight<Key, Value> {
  readonly #reads = new Map<Key, Promise<Value>>();
  readonly #others = new Map<Key, Promise<Value>>();

  run(key: Key, work: () => Promise<Value>): Promise<Value> {
    const flights = readOnlyRequest() ? this.#reads : this.#others;
    const running = flights.get(key);
    if (running) return running;
    const started = work().finally(() => flights.delete(key));
    flights.set(key, started);
    return started;
  }

  get size(): number {
    return this.#reads.size + this.#others.size;
  }
}
