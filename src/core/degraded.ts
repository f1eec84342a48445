/**
 * A request that only reads, and came while the main database was away: what must be of now may be answered by a
 * replica that lacks nothing anybody was told of (`engines/database/replica-router.ts`). It's the request that has it,
 * not the process: what consumers do lasts, and what writes decides on what it reads, so those wait for the primary.
 */
import { AsyncLocalStorage } from "node:async_hooks";

const degraded = new AsyncLocalStorage<true>();

/** Calls `work`; everything that it begins is degraded. */
export function runDegraded(work: () => void): void {
  degraded.run(true, work);
}

export function isDegraded(): boolean {
  return degraded.getStore() === true;
}
