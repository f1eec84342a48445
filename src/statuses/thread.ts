/** A status's thread: what it answers, up to the root, and what answers it, in the order people read. */
import { sql } from "kysely";
import type { AccountId, StatusId } from "../core/ids.ts";
import type { Database } from "../engines/database/pools.ts";
import { type AccessContext, onlyVisible } from "./access.ts";
import type { StatusRecord } from "./records.ts";

const MAX_ANCESTORS = 4_096;
const MAX_DESCENDANTS = 4_096;
const ANONYMOUS = { ancestors: 40, descendants: 60, depth: 20 };

export async function readThread(
  context: AccessContext & { database: Database },
  record: StatusRecord,
  viewerId: AccountId | null,
): Promise<{ ancestors: StatusRecord[]; descendants: StatusRecord[] }> {
  const { db } = context.database;
  const anonymous = viewerId === null;
  const ancestors = await sql<{ id: StatusId }>`
    with recursive up as (
      select in_reply_to_id as id, 1 as distance from statuses where id = ${record.facts.id}
      union all
      select s.in_reply_to_id, up.distance + 1 from up join statuses s on s.id = up.id
      where up.distance < ${anonymous ? ANONYMOUS.ancestors : MAX_ANCESTORS})
    select id from up where id is not null order by distance desc`.execute(db);
  const descendants = await sql<{ id: StatusId }>`
    with recursive down as (
      select id, array[id] as path, 1 as depth from statuses where in_reply_to_id = ${record.facts.id}
      union all
      select s.id, down.path || s.id, down.depth + 1 from down join statuses s on s.in_reply_to_id = down.id
      where down.depth < ${anonymous ? ANONYMOUS.depth : 100})
    select id from down order by path
    limit ${anonymous ? ANONYMOUS.descendants : MAX_DESCENDANTS}`.execute(db);
  return {
    ancestors: await visible(context, ancestors.rows, viewerId),
    descendants: await visible(context, descendants.rows, viewerId),
  };
}

async function visible(
  context: AccessContext,
  rows: readonly { id: StatusId }[],
  viewerId: AccountId | null,
): Promise<StatusRecord[]> {
  const ids = rows.map((row) => row.id);
  const records = await context.statuses.getMany(ids);
  return onlyVisible(
    context,
    ids.flatMap((id) => records.get(id) ?? []),
    viewerId,
  );
}
