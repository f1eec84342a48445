/** Time is an argument: nothing outside `core/` reads the clock or sets a timer by itself. */
export interface Clock {
  nowMs(): number;
}

export const systemClock: Clock = { nowMs: () => Date.now() };

/**
 * Resolves after `ms`, or at once when `signal` aborts. The process lives until then: a command that waits for
 * something by asking again and again would end in the middle otherwise. What may be outlived gets a `signal`.
 */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    }
    signal?.addEventListener("abort", done, { once: true });
  });
}

/** Calls `run` every `everyMs` until the returned function is called. Never keeps the process alive. */
export function every(everyMs: number, run: () => void): () => void {
  const timer = setInterval(run, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** What `work` resolves to; rejects with `late()` when that takes longer than `ms`. The work itself goes on unheard. */
export function within<T>(work: Promise<T>, ms: number, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    // When this process itself was busy for so long, the answer may lie in a socket by now: that is looked at first.
    const timer = setTimeout(() => setImmediate(() => reject(late())), ms);
    const settle =
      <Result>(done: (result: Result) => void) =>
      (result: Result) => {
        clearTimeout(timer);
        done(result);
      };
    work.then(settle(resolve), settle(reject));
  });
}
