/** Writing statuses: those that arrive together go in one statement, which is one round trip and one commit. */
import { CompiledQuery } from "kysely";
import { Batcher } from "../core/batcher.ts";
import { type AccountId, type StatusId, shardOfId } from "../core/ids.ts";
import { type Database, type Db, wasRolledBack } from "../engines/database/pools.ts";
import { ShardMoved, type Shards } from "../engines/database/shards.ts";
import type { CheckedText, Draft } from "./draft.ts";
import { tagKey } from "./text/tags.ts";
import { visibilityCode } from "./visibility.ts";

/** What a status is written from. */
export interface NewStatus {
  readonly authorId: AccountId;
  readonly draft: Draft;
  readonly checked: CheckedText;
  readonly target: { readonly id: StatusId; readonly authorId: AccountId } | null;
  readonly application: { readonly name: string; readonly website: string | null } | null;
  readonly idempotencyKey: string | null;
}

/** Undefined when the idempotency key is taken: nothing at all was written then. */
export type Inserted = { readonly id: StatusId; readonly statuses_count: bigint } | undefined;

/** One keeps the database busy; others start when so many wait that they are worth a statement of their own. */
const BATCHES_MOST = 4;
const STATUSES_FOR_ANOTHER = 12;
const STATUSES_A_BATCH_MOST = 64;

export type StatusInserter = Pick<Batcher<NewStatus, Inserted>, "add">;

export function statusInserter({ shards }: Database): StatusInserter {
  const inserters = new Map<Database, StatusInserter>();
  return {
    add: (status) => {
      const database = shards.of(status.authorId);
      const inserter = inserters.get(database) ?? inserterOf(database, shards);
      inserters.set(database, inserter);
      return inserter.add(status);
    },
  };
}

function inserterOf(database: Database, shards: Shards): StatusInserter {
  return new Batcher<NewStatus, Inserted>({
    itemsMost: STATUSES_A_BATCH_MOST,
    batchesMost: BATCHES_MOST,
    itemsForAnother: STATUSES_FOR_ANOTHER,
    run: async (statuses) => {
      // They waited for their turn, and for how long nobody knows: this database may not even refuse them any more.
      if (statuses.some(({ authorId }) => shards.of(authorId) !== database)) throw new ShardMoved();
      const rows = await database.prepared<Row>("status_insert", INSERT, valuesOf(statuses, shards));
      return inOrder(statuses, rows);
    },
    // A lost connection may have lost the answer alone: written again, the posts would be there twice.
    hadNoEffect: (error) => error instanceof ShardMoved || wasRolledBack(error),
  });
}

/** One status as part of a transaction. */
export async function insertWithin(tx: Db, status: NewStatus, shards: Shards): Promise<Inserted> {
  const { rows } = await tx.executeQuery(CompiledQuery.raw(INSERT, valuesOf([status], shards)));
  return inOrder([status], rows as Row[])[0];
}

interface Row {
  /** Place in the batch, from 1. */
  readonly n: bigint;
  readonly id: StatusId;
  readonly statuses_count: bigint;
}

function inOrder(statuses: readonly NewStatus[], rows: readonly Row[]): Inserted[] {
  const inserted: Inserted[] = statuses.map(() => undefined);
  for (const row of rows) inserted[Number(row.n) - 1] = row;
  return inserted;
}

/**
 * With an idempotency key that is taken, by another batch or by an earlier status of this one, nothing of the status is
 * written: every part hangs on `allowed`. A key that is being taken right now makes the statement wait for that one.
 * What counts where is said in `visibility.ts`.
 *
 * Rows that others may be writing too, the counts, are written in the order of their keys: two batches can't each hold
 * what the other waits for.
 */
const INSERT = `
  with input as materialized (
    select n, next_id(shard) as id, author_id, key, visibility, text, spoiler_text, sensitive, language, reply_id,
      reply_account_id, is_near_reply, app_name, app_website
    from unnest($1::int[], $2::bigint[], $3::text[], $4::smallint[], $5::text[], $6::text[], $7::boolean[], $8::text[],
      $9::bigint[], $10::bigint[], $19::boolean[], $11::text[], $12::text[]) with ordinality as given (shard, author_id,
      key, visibility, text, spoiler_text, sensitive, language, reply_id, reply_account_id, is_near_reply, app_name,
      app_website, n)),
  claim as (
    insert into idempotency_keys (account_id, key, status_id)
    select author_id, key, id from input where key is not null order by author_id, key
    on conflict do nothing returning status_id),
  allowed as materialized (select * from input where key is null or id in (select status_id from claim)),
  written as (
    insert into statuses (id, author_id, visibility, text, spoiler_text, sensitive, language, in_reply_to_id,
      in_reply_to_account_id, application_name, application_website, created_at)
    select id, author_id, visibility, text, spoiler_text, sensitive, language, reply_id, reply_account_id, app_name,
      app_website, to_timestamp(((id >> 22) + 1420070400000) / 1000.0) from allowed),
  mentioned as (
    insert into status_mentions (status_id, account_id, username)
    select allowed.id, m.account_id, m.username
    from unnest($13::int[], $14::bigint[], $15::text[]) as m (n, account_id, username) join allowed using (n)),
  tagged as (
    insert into status_tags (status_id, tag, name)
    select allowed.id, t.tag, t.name
    from unnest($16::int[], $17::text[], $18::text[]) as t (n, tag, name) join allowed using (n)),
  replied as (
    insert into status_counts (status_id, replies_count)
    select reply_id, count(*) from allowed where is_near_reply and visibility <= 1 group by reply_id order by reply_id
    on conflict (status_id) do update set replies_count = status_counts.replies_count + excluded.replies_count),
  counted as (
    insert into author_counts (account_id, statuses_count, last_status_at)
    select author_id, count(*) filter (where visibility <= 2), max(now()) filter (where visibility <= 2)
    from allowed group by author_id order by author_id
    on conflict (account_id) do update
      set statuses_count = author_counts.statuses_count + excluded.statuses_count,
        last_status_at = coalesce(excluded.last_status_at, author_counts.last_status_at)
    returning account_id, statuses_count),
  told as (
    insert into event_log (topic, key, payload)
    select 'events', author_id,
      jsonb_build_object('type', 'status.published', 'statusId', id::text, 'authorId', author_id::text)
        || case when reply_id is null or is_near_reply then '{}' else '{"isFar":true}' end::jsonb
    from allowed order by n)
  select allowed.n, allowed.id, counted.statuses_count
  from allowed join counted on counted.account_id = allowed.author_id`;

function valuesOf(statuses: readonly NewStatus[], shards: Shards): unknown[] {
  const each = <T>(value: (status: NewStatus) => T) => statuses.map(value);
  const mentions = statuses.flatMap(({ checked }, i) =>
    checked.mentions.map((mention) => ({ n: i + 1, mention })),
  );
  const tags = statuses.flatMap(({ checked }, i) => checked.tags.map((name) => ({ n: i + 1, name })));
  return [
    each(({ authorId }) => shardOfId(authorId)),
    each(({ authorId }) => authorId),
    each(({ idempotencyKey }) => idempotencyKey),
    each(({ draft }) => visibilityCode(draft.visibility)),
    each(({ checked }) => checked.text),
    each(({ checked }) => checked.spoilerText),
    each(isSensitive),
    each(({ draft }) => draft.language),
    each(({ target }) => target?.id ?? null),
    each(({ target }) => target?.authorId ?? null),
    each(({ application }) => application?.name ?? null),
    each(({ application }) => application?.website ?? null),
    mentions.map(({ n }) => n),
    mentions.map(({ mention }) => mention.id),
    mentions.map(({ mention }) => mention.username),
    tags.map(({ n }) => n),
    tags.map(({ name }) => tagKey(name)),
    tags.map(({ name }) => name),
    // Far ones are counted by `reactions.ts`.
    each(({ target, authorId }) => target !== null && shards.areTogether(target.id, authorId)),
  ];
}

export function isSensitive({ draft, checked }: NewStatus): boolean {
  return draft.sensitive || checked.isWarned;
}
