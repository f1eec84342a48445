import { sql } from "kysely";
import { Invalid, NotFound } from "../core/errors.ts";
import type { AccountId, ListId } from "../core/ids.ts";
import type { Db } from "../engines/database/pools.ts";
import type { RelationsContext } from "./context.ts";

/** Whose replies a list shows: to accounts on the list, to accounts one follows, or none. */
export type RepliesPolicy = "list" | "followed" | "none";

export interface List {
  readonly id: ListId;
  readonly title: string;
  readonly repliesPolicy: RepliesPolicy;
  readonly exclusive: boolean;
}

export interface ListChange {
  readonly title?: string | undefined;
  readonly repliesPolicy?: RepliesPolicy | undefined;
  readonly exclusive?: boolean | undefined;
}

export const MAX_LISTS = 50;
export const MAX_TITLE_CHARACTERS = 255;

export async function listsOf(db: Db, ownerId: AccountId, memberId?: AccountId): Promise<List[]> {
  let query = db.selectFrom("lists").selectAll().where("account_id", "=", ownerId).orderBy("id");
  if (memberId !== undefined) {
    query = query.where("id", "in", (q) =>
      q.selectFrom("list_members").select("list_id").where("member_id", "=", memberId),
    );
  }
  return (await query.execute()).map(listOf);
}

export async function requireList(db: Db, ownerId: AccountId, listId: ListId): Promise<List> {
  const row = await db
    .selectFrom("lists")
    .selectAll()
    .where("id", "=", listId)
    .where("account_id", "=", ownerId)
    .executeTakeFirst();
  if (!row) throw new NotFound();
  return listOf(row);
}

export async function createList(
  context: RelationsContext,
  ownerId: AccountId,
  change: ListChange & { title: string },
): Promise<List> {
  checkTitle(change.title);
  const { rows } = await sql<{ id: bigint }>`
    insert into lists (id, account_id, title, replies_policy, exclusive)
    select next_id(((${ownerId}::bigint >> 12) & 1023)::int), ${ownerId}, ${change.title},
      ${change.repliesPolicy ?? "list"}, ${change.exclusive ?? false}
    where (select count(*) from lists where account_id = ${ownerId}) < ${MAX_LISTS}
    returning id`.execute(context.db);
  const created = rows[0];
  if (!created) throw new Invalid(`You can have ${MAX_LISTS} lists; delete one to make room`);
  await context.tellWrite(ownerId, "directory");
  return requireList(context.db, ownerId, created.id);
}

export async function updateList(
  context: RelationsContext,
  ownerId: AccountId,
  listId: ListId,
  change: ListChange,
): Promise<List> {
  if (change.title !== undefined) checkTitle(change.title);
  await requireList(context.db, ownerId, listId);
  await sql`update lists set title = coalesce(${change.title ?? null}, title),
      replies_policy = coalesce(${change.repliesPolicy ?? null}, replies_policy),
      exclusive = coalesce(${change.exclusive ?? null}, exclusive)
    where id = ${listId} and account_id = ${ownerId}`.execute(context.db);
  await context.invalidate({ relations: [ownerId] });
  return requireList(context.db, ownerId, listId);
}

export async function deleteList(
  context: RelationsContext,
  ownerId: AccountId,
  listId: ListId,
): Promise<void> {
  await requireList(context.db, ownerId, listId);
  await context.db.deleteFrom("lists").where("id", "=", listId).where("account_id", "=", ownerId).execute();
  await context.invalidate({ relations: [ownerId] });
}

/** Only accounts that the owner follows (or the owner) can be on a list. */
export async function addListMembers(
  context: RelationsContext,
  ownerId: AccountId,
  listId: ListId,
  memberIds: readonly AccountId[],
): Promise<void> {
  await requireList(context.db, ownerId, listId);
  const ids = [...new Set(memberIds)];
  await context.db.transaction().execute(async (tx) => {
    const { rows } = await sql<{ id: bigint }>`
      select followee_id as id from follows
      where follower_id = ${ownerId} and followee_id = any(${ids}::bigint[]) for share`.execute(tx);
    const allowed = new Set(rows.map((row) => row.id)).add(ownerId);
    if (!ids.every((id) => allowed.has(id))) throw new NotFound("You can only add accounts that you follow");
    await sql`insert into list_members (list_id, member_id)
      select ${listId}, id from unnest(${ids}::bigint[]) as m (id) on conflict do nothing`.execute(tx);
  });
  await context.invalidate({ relations: [ownerId] });
}

export async function removeListMembers(
  context: RelationsContext,
  ownerId: AccountId,
  listId: ListId,
  memberIds: readonly AccountId[],
): Promise<void> {
  await requireList(context.db, ownerId, listId);
  await sql`delete from list_members
    where list_id = ${listId} and member_id = any(${[...memberIds]}::bigint[])`.execute(context.db);
  await context.invalidate({ relations: [ownerId] });
}

export async function listMemberIds(db: Db, listId: ListId): Promise<AccountId[]> {
  const rows = await db
    .selectFrom("list_members")
    .select("member_id")
    .where("list_id", "=", listId)
    .execute();
  return rows.map((row) => row.member_id);
}

function checkTitle(title: string): void {
  if (title.trim() === "") throw new Invalid("Validation failed: Title can't be blank");
  if (title.length > MAX_TITLE_CHARACTERS) {
    throw new Invalid(`Validation failed: Title is too long (maximum is ${MAX_TITLE_CHARACTERS} characters)`);
  }
}

function listOf(row: { id: bigint; title: string; replies_policy: string; exclusive: boolean }): List {
  return {
    id: row.id,
    title: row.title,
    repliesPolicy: row.replies_policy as RepliesPolicy,
    exclusive: row.exclusive,
  };
}
