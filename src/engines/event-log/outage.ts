/**
 * Whether an error tells of an engine that is out of reach or overtaxed, so that the same work may succeed later, or of
 * the work itself. Read from what the engines' clients throw, since handlers let their errors pass as they are.
 */
import { Unavailable } from "../../core/errors.ts";

const SYSTEM_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENETDOWN",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ENOSPC",
  "EMFILE",
  "ENFILE",
]);
/** PostgreSQL's classes: connection, read-only after a fail-over, rolled back, resources, locks, stopping, system. */
const POSTGRES_STATES = /^(08...|25006|40...|53...|55P03|57...|58...)$/;
const REDIS_REPLIES = /^(LOADING|CLUSTERDOWN|READONLY|MASTERDOWN|TRYAGAIN|OOM|BUSY|NOREPLICAS|UNKILLABLE)\b/;
const NAMES =
  /^(MaxRetriesPerRequestError|ClusterAllFailedError|AbortError|TimeoutError|TaskCancelledError)$/;
const SENTENCES =
  /^(Connection (is closed|terminated)|Command timed out|Stream isn't writeable|Query read timeout|timeout exceeded when trying to connect|Client has encountered a connection error|None of startup nodes is available)/;

export function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof Unavailable || NAMES.test(error.name)) return true;
  if (SENTENCES.test(error.message) || REDIS_REPLIES.test(error.message)) return true;
  // A circuit that is open, as cockatiel tells it.
  if ("isBrokenCircuitError" in error || "isBulkheadRejectedError" in error) return true;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (SYSTEM_CODES.has(code) || code.startsWith("PLT_KFK_")) return true;
  if ("severity" in error && POSTGRES_STATES.test(code)) return true;
  if (error instanceof AggregateError && error.errors.some(isOutage)) return true;
  return isOutage(error.cause);
}
