/**
 * Favourites, boosts and replies whose status lies in another database. The actor's row and its event are one
 * transaction where the actor is; the status's database keeps a row for each such reaction, and counts it once.
 *
 * Settling asks whether the reaction is there now, under a lock that the next to settle waits for: so it may happen
 * twice, late, or in any order, and the last one writes what is true. The request does it before it answers; the event
 * makes certain that it's done.
 */
import { sql } from "kysely";
import type { AccountId, StatusId } from "../core/ids.ts";
import { askingElsewhere } from "../engines/database/asking-elsewhere.ts";
import type { Database, Db } from "../engines/database/pools.ts";
import { ShardMoved } from "../engines/database/shards.ts";
import { COUNTS_FOR_ALL } from "./visibility.ts";

export type ReactionKind = "favourite" | "reblog" | "reply";

export interface Reaction {
  readonly kind: ReactionKind;
  /** What is reacted to. */
  readonly statusId: StatusId;
  /** The account that favourited, or the status that boosts or replies. Its shard says where to ask. */
  readonly sourceId: AccountId | StatusId;
}

/** As the database keeps it. */
export const REACTION_CODES = { favourite: 0, reblog: 1, reply: 2 } as const;

const COUNTS = {
  favourite: "favourites_count",
  reblog: "reblogs_count",
  reply: "replies_count",
} as const;

export interface ToldReaction extends Reaction {
  /** By its event it lay in another database than its status when it was made: nobody has counted it with its row. */
  readonly wasFar: boolean;
}

/**
 * Settles what is far, and counts anew what has come near since it was made. Nothing to do, and no query, for what was
 * near: it's counted where it is made. Resolves to the statuses whose counts may have changed.
 */
export async function settleTold(
  database: Database,
  reactions: readonly ToldReaction[],
): Promise<ReadonlySet<StatusId>> {
  const { shards } = database;
  const changed = new Set<StatusId>();
  const recounted = new Set<StatusId>();
  for (const reaction of reactions) {
    const { statusId, sourceId, wasFar } = reaction;
    // Asked for each one just before its turn: what was far when the events were read may have come near meanwhile.
    if (!shards.areTogether(statusId, sourceId)) {
      if (await askingElsewhere(shards, () => settle(database, reaction))) changed.add(statusId);
    } else if (wasFar && !recounted.has(statusId)) {
      await recount(database, statusId);
      recounted.add(statusId);
      changed.add(statusId);
    }
  }
  return changed;
}

/**
 * Counts anew what was far when it was made, and is near by now: nobody could settle it in between. The lock comes
 * first, then the count: reactions that are near are counted with their row, or after this one.
 */
export async function recount({ shards }: Database, id: StatusId): Promise<void> {
  const remote = (kind: ReactionKind) => sql`select source_id from remote_reactions
    where status_id = ${id} and kind = ${REACTION_CODES[kind]} and is_counted`;
  const countStatuses = (column: string, kind: ReactionKind) =>
    sql`(select count(*) from (select id from statuses where ${sql.ref(column)} = ${id} and ${COUNTS_FOR_ALL}
      union ${remote(kind)}) r)`;
  await shards
    .of(id)
    .db.transaction()
    .execute(async (tx) => {
      const { rows } = await sql`select 1 from statuses where id = ${id} for key share`.execute(tx);
      if (rows.length === 0) return;
      // Without a row there would be nothing to lock, and who makes one meanwhile would count for nothing.
      await sql`insert into status_counts (status_id) values (${id}) on conflict do nothing`.execute(tx);
      await sql`select 1 from status_counts where status_id = ${id} for update`.execute(tx);
      await sql`update status_counts set
          replies_count = ${countStatuses("in_reply_to_id", "reply")},
          reblogs_count = ${countStatuses("reblog_of_id", "reblog")},
          favourites_count = (select count(*) from (
            select account_id from favourites where status_id = ${id} union ${remote("favourite")}) r)
        where status_id = ${id}`.execute(tx);
    });
}

/** As a request does it, so that its answer shows the count. If it fails now, the event's consumer comes to it. */
export async function settleNow(database: Database, reactions: readonly Reaction[]): Promise<void> {
  const told = reactions.map((reaction) => ({ ...reaction, wasFar: false }));
  await settleTold(database, told).catch(() => {});
}

async function settle({ shards }: Database, reaction: Reaction): Promise<boolean> {
  const { kind, statusId, sourceId } = reaction;
  // It waited for its turn, and shards have moved: the event's consumer, when it comes again, counts anew.
  if (shards.areTogether(statusId, sourceId)) throw new ShardMoved();
  return shards
    .of(statusId)
    .db.transaction()
    .execute(async (tx) => {
      // Before the question, so that answers are written in the order in which they were true. Deleting a status takes
      // its counts along: with the status gone there is nothing to count.
      const { rows: found } = await sql`select 1 from statuses where id = ${statusId} for key share`.execute(
        tx,
      );
      if (found.length === 0) return false;
      await sql`insert into status_counts (status_id) values (${statusId}) on conflict do nothing`.execute(
        tx,
      );
      await sql`select 1 from status_counts where status_id = ${statusId} for update`.execute(tx);
      const source = await findSource(shards.of(sourceId).db, reaction);
      const code = REACTION_CODES[kind];
      // Those that don't count are kept, too: threads are read from here.
      const { rows } = source
        ? await sql<{ is_counted: boolean }>`
          insert into remote_reactions (status_id, kind, source_id, is_counted)
          values (${statusId}, ${code}, ${sourceId}, ${source.counts})
          on conflict do nothing returning is_counted`.execute(tx)
        : await sql<{ is_counted: boolean }>`delete from remote_reactions
          where status_id = ${statusId} and kind = ${code} and source_id = ${sourceId}
          returning is_counted`.execute(tx);
      if (!rows[0]?.is_counted) return false;
      const count = sql.ref(COUNTS[kind]);
      await sql`update status_counts set ${count} = greatest(0, ${count} + ${source ? 1 : -1}::int)
      where status_id = ${statusId}`.execute(tx);
      return true;
    });
}

/** Null when it isn't there. */
async function findSource(
  db: Db,
  { kind, statusId, sourceId }: Reaction,
): Promise<{ counts: boolean } | null> {
  const { rows } =
    kind === "favourite"
      ? await sql<{ counts: boolean }>`select true as counts from favourites
          where account_id = ${sourceId} and status_id = ${statusId}`.execute(db)
      : await sql<{ counts: boolean }>`select ${COUNTS_FOR_ALL} as counts from statuses where id = ${sourceId}
          and ${kind === "reblog" ? sql`reblog_of_id` : sql`in_reply_to_id`} = ${statusId}`.execute(db);
  return rows[0] ?? null;
}

/** Sources, in other databases, of reactions to these statuses of one database. */
export async function remoteSources(
  db: Db,
  kind: ReactionKind,
  statusIds: readonly StatusId[],
): Promise<bigint[]> {
  const { rows } = await sql<{ source_id: bigint }>`select source_id from remote_reactions
    where status_id = any(${[...statusIds]}::bigint[]) and kind = ${REACTION_CODES[kind]}`.execute(db);
  return rows.map((row) => row.source_id);
}

/** What the status itself is a reaction to. */
export function reactionsOf(status: {
  readonly id: StatusId;
  readonly in_reply_to_id: StatusId | null;
  readonly reblog_of_id: StatusId | null;
}): Reaction[] {
  const reactions: Reaction[] = [];
  const { id: sourceId, in_reply_to_id, reblog_of_id } = status;
  if (in_reply_to_id !== null) reactions.push({ kind: "reply", statusId: in_reply_to_id, sourceId });
  if (reblog_of_id !== null) reactions.push({ kind: "reblog", statusId: reblog_of_id, sourceId });
  return reactions;
}
