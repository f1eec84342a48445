/** Which accounts use the server, by day: what "active users" means. */
import { sql } from "kysely";
import type { AccountId } from "../core/ids.ts";
import type { Db } from "../engines/database/pools.ts";

/** Accounts that are remembered as seen. When that's full it begins anew, and some are written once more. */
const MAX_SEEN = 100_000;

/**
 * Remembers in this process which accounts were seen today, and writes them in batches: one row an account, changed
 * once a day. A process that is killed forgets the accounts of its last batch, until their next request.
 */
export class AccountActivity {
  readonly #seen = new Set<AccountId>();
  #waiting: AccountId[] = [];
  #day = 0;

  seen(accountId: AccountId, nowMs: number): void {
    const day = Math.floor(nowMs / 86_400_000);
    if (day !== this.#day || this.#seen.size >= MAX_SEEN) {
      this.#day = day;
      this.#seen.clear();
    }
    if (this.#seen.has(accountId)) return;
    this.#seen.add(accountId);
    this.#waiting.push(accountId);
  }

  /** When it fails, what was to be written is written with the next batch. */
  async flush(db: Db): Promise<void> {
    const ids = this.#waiting;
    if (ids.length === 0) return;
    this.#waiting = [];
    try {
      // In one order, so that two processes never wait for each other.
      await sql`insert into account_activity (account_id, last_active_on)
        select id, (now() at time zone 'utc')::date from unnest(${ids}::bigint[]) as seen (id) order by id
        on conflict (account_id) do update set last_active_on = excluded.last_active_on
          where account_activity.last_active_on < excluded.last_active_on`.execute(db);
    } catch (error) {
      this.#waiting = [...ids, ...this.#waiting].slice(0, MAX_SEEN);
      throw error;
    }
  }
}
