/**
 * Work that nobody waits for and that is done again and again: each process runs every task of its roles in a
 * loop of its own. Several processes may run the same task at once and any may be killed in the middle, so a task works
 * in small transactions, each of which claims its rows (`for update skip locked`) and leaves nothing half done.
 */
import type { Logger } from "pino";
import { sleep } from "../core/clock.ts";

/** While the database is away, a task that runs each second need not say so each second. */
const AFTER_FAILURE_MS = 10_000;

export interface BackgroundTask {
  readonly name: string;
  /** Time from the end of one run to the beginning of the next. */
  readonly everyMs: number;
  /** Returns early when `signal` aborts. What it throws is logged, and the next run comes as usual. */
  readonly run: (signal: AbortSignal) => Promise<unknown>;
}

/** Disposing waits for the runs that are under way. */
export function startBackgroundTasks(tasks: readonly BackgroundTask[], log: Logger): AsyncDisposable {
  const stopping = new AbortController();
  const { signal } = stopping;
  const loops = tasks.map(async ({ name, everyMs, run }) => {
    while (!signal.aborted) {
      let restMs = everyMs;
      try {
        await run(signal);
      } catch (err) {
        restMs = Math.max(everyMs, AFTER_FAILURE_MS);
        if (!signal.aborted) log.warn({ err, task: name }, "a background task failed; it runs again");
      }
      await sleep(restMs, signal);
    }
  });
  return {
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      await Promise.all(loops);
    },
  };
}
