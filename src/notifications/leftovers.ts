/** What older versions left when its cause was undone: notifications, and requests of suspended accounts. */
import { sql } from "kysely";
import { type Told, takeBackElsewhere } from "../accounts/told.ts";
import type { Clock } from "../core/clock.ts";
import { goOverOldRows, type Range } from "../engines/database/old-rows.ts";
import type { Database, Db } from "../engines/database/pools.ts";

type ToldRow = Told & { readonly id: bigint };

/** Of those that are looked at together, each name is locked. */
const AT_ONCE = 200;

export async function removeLeftovers(
  context: { database: Database; clock: Clock },
  signal: AbortSignal,
): Promise<void> {
  const { database, clock } = context;
  await sql`delete from follow_requests r using accounts a
    where a.suspended_at is not null and a.id in (r.requester_id, r.target_id)
      and exists (select 1 from recount_progress where what = 'notifications' and done_to < ends_at)`.execute(
    database.db,
  );
  const handle = async (rows: readonly ToldRow[]): Promise<void> => {
    for (let from = 0; from < rows.length; from += AT_ONCE)
      await takeBackElsewhere(database, rows.slice(from, from + AT_ONCE));
  };
  await goOverOldRows(
    { database, clock, signal },
    { what: "notifications", read: readNotifications, handle },
  );
}

async function readNotifications(db: Db, { above, upTo, limit }: Range): Promise<ToldRow[]> {
  const { rows } = await sql<ToldRow>`
    select id, account_id as "accountId", type, from_account_id as "fromId", status_id as "statusId"
    from notifications where id > ${above} and id <= ${upTo} order by id limit ${limit}`.execute(db);
  return rows;
}
