/** What an account owns, table by table, as moving shards sees it; and how rows go from one database to another. */
import type pg from "pg";

export interface OwnedTable {
  readonly name: string;
  /** Its id says whose the row is. */
  readonly owner: string;
  /** What together names a row, or all rows of one status. */
  readonly unit: readonly [string, string?];
  /** Its rows are numbered by each database for itself. */
  readonly isNumbered?: true;
}

export const OWNED: readonly OwnedTable[] = [
  { name: "statuses", owner: "id", unit: ["id"] },
  { name: "status_counts", owner: "status_id", unit: ["status_id"] },
  { name: "status_edits", owner: "status_id", unit: ["status_id"], isNumbered: true },
  { name: "status_mentions", owner: "status_id", unit: ["status_id"] },
  { name: "status_tags", owner: "status_id", unit: ["status_id"] },
  { name: "status_words", owner: "status_id", unit: ["status_id"] },
  { name: "author_counts", owner: "account_id", unit: ["account_id"] },
  { name: "media_attachments", owner: "id", unit: ["id"] },
  { name: "expiring_files", owner: "account_id", unit: ["account_id", "key"] },
  { name: "favourites", owner: "account_id", unit: ["account_id", "status_id"] },
  { name: "bookmarks", owner: "account_id", unit: ["account_id", "status_id"] },
  { name: "notifications", owner: "account_id", unit: ["id"] },
  { name: "idempotency_keys", owner: "account_id", unit: ["account_id", "key"] },
];

/** Reactions from other databases are no table of their own here: they come of what lies where. */
export const TRIGGERED: readonly OwnedTable[] = [
  ...OWNED,
  { name: "remote_reactions", owner: "status_id", unit: ["status_id"] },
];

const ROWS_AT_ONCE = 1_000;

export const shardOf = (column: string) => `((${column} >> 12) & 1023)`;

export type Ask = Pick<pg.Client, "query">;

export interface Unit {
  readonly a: string;
  readonly b: string;
}

/** Copies the rows of the shards, in a snapshot that the caller has begun. Resolves to how many. */
export async function copyTable(
  from: Ask,
  to: Ask,
  table: OwnedTable,
  shards: readonly number[],
): Promise<number> {
  const order = table.isNumbered ? "order by id" : "";
  const where = `${shardOf(table.owner)} = any($1::int[]) ${order}`;
  return copyRows(
    from,
    to,
    table,
    `select to_jsonb(t)::text as row from ${table.name} t where ${where}`,
    shards,
  );
}

/** Brings the rows of these units to what they are now. */
export async function copyUnits(
  from: Ask,
  to: Ask,
  table: OwnedTable,
  units: readonly Unit[],
): Promise<void> {
  const [a, b] = table.unit;
  const matches = `t.${a} = u.a ${b === undefined ? "" : `and t.${b}::text = u.b`}`;
  const values = [units.map((unit) => unit.a), units.map((unit) => unit.b)];
  const asked = "unnest($1::bigint[], $2::text[]) as u (a, b)";
  const order = table.isNumbered ? "order by t.id" : "";
  const found = await from.query<{ row: string }>(
    `select to_jsonb(t)::text as row from ${table.name} t join ${asked} on ${matches} ${order}`,
    values,
  );
  await to.query(`delete from ${table.name} t using ${asked} where ${matches}`, values);
  await insertRows(to, table, found.rows);
}

/** Rows of a query that gives them as JSON text. */
async function copyRows(
  from: Ask,
  to: Ask,
  table: OwnedTable,
  query: string,
  shards: readonly number[],
): Promise<number> {
  await from.query(`declare moved no scroll cursor for ${query}`, [shards]);
  let copied = 0;
  for (;;) {
    const { rows } = await from.query<{ row: string }>(`fetch ${ROWS_AT_ONCE} from moved`);
    if (rows.length === 0) break;
    await insertRows(to, table, rows);
    copied += rows.length;
  }
  await from.query("close moved");
  return copied;
}

async function insertRows(to: Ask, table: OwnedTable, rows: readonly { row: string }[]): Promise<void> {
  if (rows.length === 0) return;
  const row = table.isNumbered
    ? `r || jsonb_build_object('id', nextval(pg_get_serial_sequence('${table.name}', 'id')))`
    : "r";
  await to.query(
    `insert into ${table.name} overriding system value
     select p.* from unnest($1::jsonb[]) with ordinality as given (r, place)
     cross join lateral jsonb_populate_record(null::${table.name}, ${row}) p order by place`,
    [rows.map((one) => one.row)],
  );
}

/**
 * Reactions to what moves, as the new database must have them: those that come from elsewhere. $1 are the moving
 * shards, $2 those that the new database has already: what comes from there is no reaction of another database any
 * more.
 */
export function reactionsTo(only: (parent: string) => string): string {
  const from = (parent: string, source: string) =>
    `${shardOf(parent)} = any($1::int[]) and ${shardOf(source)} <> all($1::int[]) and ${only(parent)}`;
  return `select status_id, 0 as kind, account_id as source_id, true as is_counted from favourites
      where ${from("status_id", "account_id")}
    union select reblog_of_id, 1, id, visibility <= 1 from statuses where ${from("reblog_of_id", "id")}
    union select in_reply_to_id, 2, id, visibility <= 1 from statuses where ${from("in_reply_to_id", "id")}
    union select status_id, kind, source_id, is_counted from remote_reactions
      where ${from("status_id", "source_id")} and ${shardOf("source_id")} <> all($2::int[])`;
}

/** Reactions by what moves to what stays where it was: in the old database, as those of another one. */
export const REACTIONS_LEFT = `
  insert into remote_reactions (status_id, kind, source_id, is_counted)
  select parent, kind, source, is_counted from (
    select status_id as parent, 0 as kind, account_id as source, true as is_counted from favourites
    union all select reblog_of_id, 1, id, visibility <= 1 from statuses where reblog_of_id is not null
    union all select in_reply_to_id, 2, id, visibility <= 1 from statuses where in_reply_to_id is not null) r
  where ${shardOf("source")} = any($1::int[]) and ${shardOf("parent")} = any($2::int[])
  on conflict do nothing`;
