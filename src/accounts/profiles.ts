/** Accounts as others see them: loaded in batches, cached with their JSON ready to be sent. */
import { sql } from "kysely";
import { type CacheLimits, GuardedCache } from "../core/guarded-cache.ts";
import { type AccountId, idsAsText, type StatusId, timeOfIdMs } from "../core/ids.ts";
import { isDegraded } from "../core/read-only.ts";
import type { Database } from "../engines/database/pools.ts";
import { byItself, type Shards } from "../engines/database/shards.ts";
import type { SharedForm, SharedLevel } from "../engines/shared-cache/port.ts";

export interface ProfileRow {
  readonly id: AccountId;
  readonly username: string;
  readonly display_name: string;
  readonly note: string;
  readonly fields: readonly { name: string; value: string }[];
  readonly avatar_key: string | null;
  readonly avatar_static_key: string | null;
  readonly header_key: string | null;
  readonly locked: boolean;
  readonly bot: boolean;
  readonly discoverable: boolean;
  readonly indexable: boolean;
  readonly hide_collections: boolean;
  readonly suspended: boolean;
  /** Accounts that the note and the fields may mention. */
  readonly mentions: readonly { id: string; username: string }[];
  readonly created_at: Date;
  readonly default_visibility: number;
  readonly default_sensitive: boolean;
  readonly default_language: string | null;
  readonly followers_count: bigint;
  readonly following_count: bigint;
  readonly statuses_count: bigint;
  readonly last_status_at: Date | null;
}

export interface Profile {
  readonly id: AccountId;
  readonly row: ProfileRow;
  /** Everything but the counts, without the closing brace: they change with each post, the rest seldom does. */
  readonly head: string;
  readonly username: string;
  readonly suspended: boolean;
  readonly locked: boolean;
  readonly hideCollections: boolean;
  readonly followersCount: number;
  /** The account's JSON, UTF-8. */
  readonly json: Buffer;
}

/** The account as JSON text without its counts and closing brace. Given by the API, which knows the wire format. */
export type RenderProfile = (row: ProfileRow) => string;

export class ProfileCache {
  readonly #cache: GuardedCache<AccountId, Profile>;

  constructor(options: {
    database: Database;
    render: RenderProfile;
    limits: CacheLimits;
    shared: SharedLevel<AccountId, Profile>;
  }) {
    const { database, render, shared } = options;
    this.#cache = new GuardedCache<AccountId, Profile>({
      ...options.limits,
      sizeBytesOf: (profile) => 600 + 3 * profile.json.length,
      second: shared,
      loadMany: async (ids) => {
        const start = shared.begin();
        const rows = await loadProfileRows(database, ids);
        const profiles = rows.map((row) => profileOf(row, render(row)));
        if (start && !isDegraded()) for (const profile of profiles) shared.share(profile.id, profile, start);
        return new Map(profiles.map((profile) => [profile.id, profile]));
      },
    });
  }

  peek(id: AccountId): Profile | undefined {
    return this.#cache.peek(id);
  }

  get(id: AccountId): Promise<Profile | undefined> {
    return this.#cache.get(id);
  }

  /** In the order of the ids; undefined for those that don't exist. */
  getAll(ids: readonly AccountId[]): Promise<(Profile | undefined)[]> {
    return this.#cache.getAll(ids);
  }

  getMany(ids: readonly AccountId[]): Promise<Map<AccountId, Profile>> {
    return this.#cache.getMany(ids);
  }

  /** The author's counts after a post; the count is the database's own, of the transaction that wrote the post. */
  posted(authorId: AccountId, post: { id: StatusId; statuses_count: bigint }): void {
    const known = this.#cache.peek(authorId);
    // A load under way may have read the counts of before.
    this.#cache.invalidate(authorId);
    if (!known) return;
    const postedAt = new Date(timeOfIdMs(post.id));
    // Two posts at once may be told in the other order: the later one's count stays.
    const isLater = known.row.last_status_at === null || known.row.last_status_at <= postedAt;
    if (!isLater) return;
    const row = { ...known.row, statuses_count: post.statuses_count, last_status_at: postedAt };
    using filling = this.#cache.fill();
    filling.store(authorId, profileOf(row, known.head));
  }

  invalidate(ids: readonly AccountId[]): void {
    for (const id of ids) this.#cache.invalidate(id);
  }

  clear(): void {
    this.#cache.clear();
  }
}

/** Its row and its JSON without the counts, as JSON. */
export const sharedProfileForm: SharedForm<AccountId, Profile> = {
  nameOf: (id) => `profile2:${id}`,
  encode: ({ row, head }) => Buffer.from(JSON.stringify([row, head], idsAsText)),
  decode: (bytes) => {
    const [row, head] = JSON.parse(bytes.toString()) as [ToldRow, string];
    const { id, followers_count, following_count, statuses_count, created_at, last_status_at } = row;
    const revived = {
      id: BigInt(id),
      followers_count: BigInt(followers_count),
      following_count: BigInt(following_count),
      statuses_count: BigInt(statuses_count),
      created_at: new Date(created_at),
      last_status_at: last_status_at === null ? null : new Date(last_status_at),
    };
    return profileOf({ ...row, ...revived }, head);
  },
};

/** As JSON has it. */
type ToldRow = {
  [Name in keyof ProfileRow]: ProfileRow[Name] extends bigint | Date | null
    ? ProfileRow[Name] extends bigint | Date
      ? string
      : string | null
    : ProfileRow[Name];
};

export function profileOf(row: ProfileRow, head: string): Profile {
  const counts = {
    last_status_at: row.last_status_at?.toISOString().slice(0, 10) ?? null,
    statuses_count: Number(row.statuses_count),
    followers_count: Number(row.followers_count),
    following_count: Number(row.following_count),
  };
  return {
    id: row.id,
    row,
    head,
    username: row.username,
    suspended: row.suspended,
    locked: row.locked,
    hideCollections: row.hide_collections,
    followersCount: Number(row.followers_count),
    json: Buffer.from(`${head},${JSON.stringify(counts).slice(1)}`),
  };
}

/** Accounts that a profile may mention: more than the text really does, since SQL doesn't know where names end. */
const MENTIONED = sql`case when a.note like '%@%' or a.fields::text like '%@%' then coalesce((
    select jsonb_agg(jsonb_build_object('id', m.id::text, 'username', m.username)) from accounts m
    where m.suspended_at is null and lower(m.username) = any(array(
      select lower(name[1]) from regexp_matches(a.note || ' ' || a.fields::text, '@([a-z0-9_]+)', 'gi') as name))), '[]')
  else '[]' end`;

/** Counts of posts lie with the posts; in one database they come with the account. */
async function loadProfileRows(database: Database, ids: readonly AccountId[]): Promise<ProfileRow[]> {
  const { shards } = database;
  const counts = shards.isOne
    ? sql`author_counts`
    : sql`(select null::bigint as account_id, 0::bigint as statuses_count, null::timestamptz as last_status_at)`;
  const statement = sql<ProfileRow>`
    select a.id, a.username, a.display_name, a.note, a.fields, a.avatar_key, a.avatar_static_key, a.header_key,
      a.locked, a.bot, a.discoverable, not a.unindexable as indexable, a.hide_collections, a.suspended_at is not null as suspended,
      ${MENTIONED} as mentions, a.created_at, a.default_visibility, a.default_sensitive, a.default_language, coalesce(f.followers_count, 0) as followers_count,
      coalesce(f.following_count, 0) as following_count, coalesce(c.statuses_count, 0) as statuses_count,
      c.last_status_at
    from accounts a
    left join follow_counts f on f.account_id = a.id
    left join ${counts} c on c.account_id = a.id
    where a.id = any(${[...ids]}::bigint[])`;
  const { rows } = await database.readNow(({ db }) => statement.execute(db));
  if (shards.isOne) return rows;
  const counted = await countsOfAuthors(shards, ids);
  return rows.map((row) => ({ ...row, ...counted.get(row.id) }));
}

type AuthorCounts = Pick<ProfileRow, "statuses_count" | "last_status_at">;

async function countsOfAuthors(
  shards: Shards,
  ids: readonly AccountId[],
): Promise<Map<AccountId, AuthorCounts>> {
  const rows = await shards.gatherBy(ids, byItself, async ({ db }, own) => {
    const { rows } = await sql<AuthorCounts & { account_id: AccountId }>`
      select account_id, statuses_count, last_status_at from author_counts
      where account_id = any(${[...own]}::bigint[])`.execute(db);
    return rows;
  });
  return new Map(rows.map(({ account_id, ...counts }) => [account_id, counts]));
}
