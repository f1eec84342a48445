/**
 * Requests that only read. While the main database is away, what must be of now may be answered for them by a replica
 * that lacks nothing anybody was told of (`engines/database/replica-router.ts`). Not for others: what consumers do
 * lasts, and what writes decides on what it reads, so those wait for the primary.
 */
import { AsyncLocalStorage } from "node:async_hooks";

export interface ReadOnlyRequest {
  /** Whether something was answered without the main database. */
  isDegraded: boolean;
  /** For how long the primary had been away when a replica answered for it. */
  awayMs: number;
}

const requests = new AsyncLocalStorage<ReadOnlyRequest>();

/** Calls `work`; everything that it begins is of this request. */
export function runReadOnly(request: ReadOnlyRequest, work: () => void): void {
  requests.run(request, work);
}

/** The request that is being answered, if it only reads. */
export function readOnlyRequest(): ReadOnlyRequest | undefined {
  return requests.getStore();
}

/** Whether what was read may lack what is there: nothing that lasts follows from it. */
export function isDegraded(): boolean {
  return requests.getStore()?.isDegraded === true;
}
