/** A status's thread: what it answers, up to the root, and what answers it, in the order people read. */
import { sql } from "kysely";
import { type AccountId, descending, type StatusId } from "../core/ids.ts";
import type { Db, StaleSource } from "../engines/database/pools.ts";
import { byItself } from "../engines/database/shards.ts";
import { CONVERSATION, onlyShown, type SightContext } from "./access.ts";
import { REACTION_CODES } from "./reactions.ts";
import type { StatusRecord } from "./records.ts";

const MAX_ANCESTORS = 4_096;
const MAX_DESCENDANTS = 4_096;
const MAX_DEPTH = 100;
const ANONYMOUS = { ancestors: 40, descendants: 60, depth: 20 };

/**
 * Which statuses belong to it may be a moment old, and of several levels each: a reply may show before the one that it
 * answers. What is deleted has no record, and goes from wherever it hung.
 */
export async function readThread(
  context: SightContext & StaleSource,
  record: StatusRecord,
  viewerId: AccountId | null,
): Promise<{ ancestors: StatusRecord[]; descendants: StatusRecord[] }> {
  const { shards } = context.database;
  const anonymous = viewerId === null;
  const { id } = record.facts;
  const ancestors = await ancestorsOf(context, id, anonymous ? ANONYMOUS.ancestors : MAX_ANCESTORS);
  const most = anonymous ? ANONYMOUS.descendants : MAX_DESCENDANTS;
  const depth = anonymous ? ANONYMOUS.depth : MAX_DEPTH;
  const descendants = shards.isOne
    ? await shards.of(id).readStale(context.reading, (db) => descendantsIn(db, id, depth, most))
    : await descendantsAcross(context, id, depth, most);
  return {
    ancestors: await shown(context, ancestors, viewerId),
    descendants: ownFirst(record, await shown(context, descendants, viewerId)),
  };
}

/** From the root down. As far as they lie in one database, they are one query. */
async function ancestorsOf(
  { database: { shards }, reading }: StaleSource,
  id: StatusId,
  most: number,
): Promise<StatusId[]> {
  const upwards: StatusId[] = [];
  for (let from: StatusId | undefined = id; from !== undefined; ) {
    const asked: StatusId = from;
    const statement = sql<{ id: StatusId }>`
      with recursive up as (
        select in_reply_to_id as id, 1 as distance from statuses where id = ${asked}
        union all
        select s.in_reply_to_id, up.distance + 1 from up join statuses s on s.id = up.id
        where up.distance < ${most - upwards.length})
      select id from up where id is not null order by distance`;
    const { rows } = await shards.of(asked).readStale(reading, (db) => statement.execute(db));
    upwards.push(...rows.map((row) => row.id));
    const last = upwards.at(-1);
    from =
      last === undefined || rows.length === 0 || upwards.length >= most || shards.areTogether(last, asked)
        ? undefined
        : last;
  }
  return upwards.reverse();
}

async function descendantsIn(db: Db, id: StatusId, depth: number, most: number): Promise<StatusId[]> {
  const { rows } = await sql<{ id: StatusId }>`
    with recursive down as (
      select id, array[id] as path, 1 as depth from statuses where in_reply_to_id = ${id}
      union all
      select s.id, down.path || s.id, down.depth + 1 from down join statuses s on s.in_reply_to_id = down.id
      where down.depth < ${depth})
    select id from down order by path limit ${most}`.execute(db);
  return rows.map((row) => row.id);
}

/** Level by level: what answers a status is known where that status lies, wherever the answers are. */
async function descendantsAcross(
  { database: { shards }, reading }: StaleSource,
  id: StatusId,
  depth: number,
  most: number,
): Promise<StatusId[]> {
  const answers = new Map<StatusId, StatusId[]>();
  let level: StatusId[] = [id];
  // A level that alone has more than a thread shows is the last that is looked at.
  for (let deep = 0; deep < depth && level.length > 0 && level.length <= most; deep++) {
    const rows = await shards.gatherBy(level, byItself, async (database, ids) => {
      const statement = sql<{ id: StatusId; parent_id: StatusId }>`
        select id, in_reply_to_id as parent_id from statuses where in_reply_to_id = any(${[...ids]}::bigint[])
        union select source_id, status_id from remote_reactions
          where status_id = any(${[...ids]}::bigint[]) and kind = ${REACTION_CODES.reply}`;
      return (await database.readStale(reading, (db) => statement.execute(db))).rows;
    });
    for (const [parentId, own] of Map.groupBy(rows, (row) => row.parent_id))
      answers.set(
        parentId,
        own.map((row) => row.id).sort((a, b) => descending(b, a)),
      );
    level = rows.map((row) => row.id);
  }
  const inOrder: StatusId[] = [];
  const open = (answers.get(id) ?? []).toReversed();
  for (let next = open.pop(); next !== undefined && inOrder.length < most; next = open.pop()) {
    inOrder.push(next);
    open.push(...(answers.get(next) ?? []).toReversed());
  }
  return inOrder;
}

async function shown(
  context: SightContext,
  ids: readonly StatusId[],
  viewerId: AccountId | null,
): Promise<StatusRecord[]> {
  const records = await context.statuses.getMany(ids);
  return onlyShown(
    context,
    ids.flatMap((id) => records.get(id) ?? []),
    viewerId,
    CONVERSATION,
  );
}

/** What the author added to the status comes first, each time in answer to oneself, then what others answered. */
function ownFirst({ facts: opened }: StatusRecord, descendants: readonly StatusRecord[]): StatusRecord[] {
  const added = new Set([opened.id]);
  // Answers stand behind what they answer, so that one look is enough.
  for (const { facts } of descendants) {
    const isOwn = facts.authorId === opened.authorId;
    if (isOwn && facts.inReplyToId !== null && added.has(facts.inReplyToId)) added.add(facts.id);
  }
  const [own, others] = [true, false].map((is) =>
    descendants.filter(({ facts }) => added.has(facts.id) === is),
  );
  return [...(own ?? []), ...(others ?? [])];
}
