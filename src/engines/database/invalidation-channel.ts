/**
 * PostgreSQL's NOTIFY: how a command that changes data beside running servers tells them what is stale, and how servers
 * tell each other while Redis is away.
 */
import { sql } from "kysely";
import type { Logger } from "pino";
import { sleep } from "../../core/clock.ts";
import { decodeStale, encodeStale, type Stale } from "../../core/invalidation.ts";
import type { Database, Db } from "./pools.ts";

const CHANNEL = "roost_invalidate";
const RECONNECT_MS = 1_000;

/** What a notice holds at most is 8,000 bytes; one that would be longer says that anything may be stale. */
const MAX_PAYLOAD_BYTES = 7_900;
const EVERYTHING = "everything";

/** Sent with the commit of the caller's transaction. */
export async function notifyInvalidation(tx: Db, stale: Stale): Promise<void> {
  const text = encodeStale(stale);
  const payload = Buffer.byteLength(text) > MAX_PAYLOAD_BYTES ? EVERYTHING : text;
  await sql`select pg_notify(${CHANNEL}, ${payload})`.execute(tx);
}

/**
 * Calls `onStale` for each notice, and `onGap` after a lost connection came back: notices may have been missed.
 * Goes on until disposed.
 */
export function listenForInvalidation(
  database: Database,
  log: Logger,
  handlers: { onStale: (stale: Stale) => void; onGap: () => void },
): AsyncDisposable {
  const stopping = new AbortController();
  const running = run();
  async function run(): Promise<void> {
    for (let first = true; !stopping.signal.aborted; first = false) {
      try {
        await listen(first);
      } catch (err) {
        if (!stopping.signal.aborted)
          log.warn({ err }, "listening for changes made beside this server; again in a moment");
      }
      await sleep(RECONNECT_MS, stopping.signal);
    }
  }
  async function listen(first: boolean): Promise<void> {
    const client = await database.dedicated();
    const ended = new Promise<void>((resolve) => {
      client.once("end", resolve);
      client.once("error", () => resolve());
      stopping.signal.addEventListener("abort", () => resolve(), { once: true });
      // Told to stop while it connected: an event that is past comes to nobody who listens from now on.
      if (stopping.signal.aborted) resolve();
    });
    client.on("notification", ({ payload }) => {
      if (payload === EVERYTHING) handlers.onGap();
      else handlers.onStale(decodeStale(payload ?? "{}"));
    });
    await client.query(`listen ${CHANNEL}`);
    if (!first) handlers.onGap();
    await ended;
    await client.end().catch(() => {});
  }
  return {
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      await running;
    },
  };
}
