/** The people of the demo as the domains know them: what the replay does, it does through the doors everyone uses. */
import { sql } from "kysely";
import type { AccountId, MediaId, StatusId } from "../core/ids.ts";
import type { Database } from "../engines/database/pools.ts";
import type { MediaStore } from "../engines/media-store/port.ts";
import { uploadImage } from "../media/upload.ts";
import type { RelationsContext } from "../relations/context.ts";
import { follow } from "../relations/follow.ts";
import { boost } from "../statuses/boost.ts";
import type { StatusesContext } from "../statuses/context.ts";
import { favourite } from "../statuses/favourite.ts";
import { publish } from "../statuses/publish.ts";
import type { Corpus } from "./corpus.ts";
import { DEMO_LOGIN } from "./guest.ts";
import { type Neighbours, type Picture, readPicture } from "./neighbours.ts";
import { DEMO_APPLICATION } from "./tables.ts";

/** What of a running Roost the replay needs. */
export interface ReplayedRoost {
  readonly database: Database;
  readonly log: { warn(context: object, sentence: string): void };
  readonly api: {
    readonly statuses: StatusesContext;
    readonly relations: RelationsContext;
    readonly mediaStore: MediaStore;
  };
}

export interface Actors {
  post(
    author: AccountId,
    text: string,
    inReplyTo: StatusId | null,
    pictures?: readonly Picture[],
  ): Promise<StatusId>;
  boost(account: AccountId, status: StatusId): Promise<void>;
  favourite(account: AccountId, status: StatusId): Promise<void>;
  follow(account: AccountId, target: AccountId): Promise<void>;
}

export function actorsOf({ api, database }: ReplayedRoost): Actors {
  return {
    async post(authorId, text, inReplyToId, pictures = []) {
      const mediaIds: MediaId[] = [];
      for (const { file, alt } of pictures) {
        const upload = { bytes: await readPicture(file), description: alt, focus: null };
        const stores = { database, store: api.mediaStore };
        mediaIds.push((await uploadImage(stores, authorId, upload)).id);
      }
      const record = await publish(api.statuses, {
        authorId,
        draft: {
          text,
          spoilerText: "",
          sensitive: false,
          visibility: "public",
          language: "en",
          inReplyToId,
          mediaIds,
        },
        application: DEMO_APPLICATION,
        idempotencyKey: null,
      });
      return record.facts.id;
    },
    boost: async (account, status) => void (await boost(api.statuses, account, status, "public")),
    favourite: async (account, status) => void (await favourite(api.statuses, account, status)),
    follow: (account, target) => follow(api.relations, account, target),
  };
}

export interface Cast {
  /** Accounts by their place in the corpus; null for one that is gone. */
  readonly cast: readonly (AccountId | null)[];
  /** By username. */
  readonly neighbours: ReadonlyMap<string, AccountId>;
  readonly demo: AccountId | null;
}

export async function findCast(
  database: Database,
  corpus: Corpus,
  { people }: Pick<Neighbours, "people">,
): Promise<Cast> {
  const names = people.map(({ username }) => username);
  const usernames = [...corpus.accounts.map(([username]) => username), ...names, DEMO_LOGIN.username];
  const { rows } = await sql<{ id: AccountId; username: string }>`
    select id, username from accounts
    where lower(username) = any(${usernames}::text[]) and suspended_at is null`.execute(database.db);
  const byUsername = new Map(rows.map((row) => [row.username.toLowerCase(), row.id]));
  return {
    cast: corpus.accounts.map(([username]) => byUsername.get(username) ?? null),
    neighbours: new Map([...byUsername].filter(([username]) => names.includes(username))),
    demo: byUsername.get(DEMO_LOGIN.username) ?? null,
  };
}

/** The author's newest post with this text: how a conversation that was cut finds what it goes on from. */
export async function findPost(
  database: Database,
  author: AccountId,
  text: string,
): Promise<StatusId | null> {
  const { rows } = await sql<{ id: StatusId }>`
    select id from statuses where author_id = ${author} and text = ${text}
    order by id desc limit 1`.execute(database.db);
  return rows[0]?.id ?? null;
}

/** The newest posts of these authors that may be boosted, newest first. */
export async function newestPosts(
  database: Database,
  authors: readonly AccountId[],
  limit: number,
): Promise<StatusId[]> {
  const { rows } = await sql<{ id: StatusId }>`
    select id from statuses
    where author_id = any(${authors}::bigint[]) and reblog_of_id is null and visibility <= 1
    order by id desc limit ${limit}`.execute(database.db);
  return rows.map((row) => row.id);
}

export async function textOf(database: Database, id: StatusId): Promise<string> {
  const { rows } = await sql<{ text: string }>`select text from statuses where id = ${id}`.execute(
    database.db,
  );
  return rows[0]?.text ?? "";
}

export interface ReplayState {
  readonly loadedAtMs: number;
  readonly round: number;
  /** Conversations of the round that have begun. */
  readonly position: number;
}

/** Null when the demo isn't loaded. */
export async function readReplayState(database: Database): Promise<ReplayState | null> {
  const exists = await sql<{ exists: boolean }>`select to_regclass('demo') is not null as exists`.execute(
    database.db,
  );
  if (!exists.rows[0]?.exists) return null;
  const { rows } = await sql<{ loaded_at: Date; replay_round: number; replay_position: number }>`
    select loaded_at, replay_round, replay_position from demo`.execute(database.db);
  const row = rows[0];
  return row
    ? { loadedAtMs: row.loaded_at.getTime(), round: row.replay_round, position: row.replay_position }
    : null;
}

export async function writeReplayPosition(
  database: Database,
  round: number,
  position: number,
): Promise<void> {
  await sql`update demo set replay_round = ${round}, replay_position = ${position}`.execute(database.db);
}
