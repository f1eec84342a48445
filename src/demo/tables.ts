/** The world as rows. Counts are made from the same lists, so they can't disagree with what they count. */
import { makeId, shardOfId } from "../core/ids.ts";
import { tagKey } from "../statuses/text/tags.ts";
import { parseText } from "../statuses/text.ts";
import type { Cell, TableRows } from "./copy.ts";
import type { Guest } from "./guest.ts";
import { PICTURE_TYPE } from "./neighbours.ts";
import type { World, WorldStatus } from "./world.ts";

const PUBLIC = 0;
/** What posts of the demo say they were made with. */
export const DEMO_APPLICATION = { name: "Roost demo", website: null } as const;

/** `size` is that of every picture in a post. */
export function tablesOf(world: World, guest: Guest, size: { width: number; height: number }): TableRows[] {
  const statuses = world.statuses.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return [
    accountRows(world),
    followRows(world),
    followCountRows(world),
    statusRows(statuses),
    statusCountRows(world),
    authorCountRows(statuses),
    ...mentionAndTagRows(world, statuses),
    mediaRows(statuses, size),
    favouriteRows(world),
    notificationRows(world, guest),
    bookmarkRows(world, guest),
    ...listRows(world, guest),
  ];
}

function accountRows({ accounts }: World): TableRows {
  return {
    table: "accounts",
    columns: [
      "id",
      "username",
      "display_name",
      "note",
      "default_language",
      "created_at",
      "avatar_key",
      "avatar_static_key",
      "header_key",
    ],
    rows: accounts.map((account) => [
      account.id,
      account.username,
      account.displayName,
      account.bio,
      "en",
      new Date(account.createdAtMs),
      account.avatarKey ?? null,
      account.avatarKey ?? null,
      account.headerKey ?? null,
    ]),
  };
}

function followRows({ follows }: World): TableRows {
  return {
    table: "follows",
    columns: ["follower_id", "followee_id", "created_at"],
    rows: follows.map(({ follower, followee, atMs }) => [follower.id, followee.id, new Date(atMs)]),
  };
}

function followCountRows({ accounts, follows }: World): TableRows {
  const followers = tally(follows, (follow) => follow.followee);
  const following = tally(follows, (follow) => follow.follower);
  return {
    table: "follow_counts",
    columns: ["account_id", "followers_count", "following_count"],
    rows: accounts.map((account) => [account.id, followers.get(account) ?? 0, following.get(account) ?? 0]),
  };
}

function statusRows(statuses: readonly WorldStatus[]): TableRows {
  return {
    table: "statuses",
    columns: [
      "id",
      "author_id",
      "visibility",
      "text",
      "language",
      "in_reply_to_id",
      "in_reply_to_account_id",
      "reblog_of_id",
      "reblog_of_account_id",
      "application_name",
      "application_website",
      "created_at",
    ],
    rows: statuses.map(({ id, author, text, inReplyTo, reblogOf, atMs }): Cell[] => [
      id,
      author.id,
      PUBLIC,
      text,
      reblogOf ? null : "en",
      inReplyTo?.id ?? null,
      inReplyTo?.author.id ?? null,
      reblogOf?.id ?? null,
      reblogOf?.author.id ?? null,
      reblogOf ? null : DEMO_APPLICATION.name,
      DEMO_APPLICATION.website,
      new Date(atMs),
    ]),
  };
}

function statusCountRows({ statuses, favourites }: World): TableRows {
  const replies = tally(statuses, (status) => status.inReplyTo);
  const reblogs = tally(statuses, (status) => status.reblogOf);
  const favourited = tally(favourites, (favourite) => favourite.status);
  const counted = new Set([...replies.keys(), ...reblogs.keys(), ...favourited.keys()]);
  return {
    table: "status_counts",
    columns: ["status_id", "replies_count", "reblogs_count", "favourites_count"],
    rows: [...counted].map((status) => [
      status.id,
      replies.get(status) ?? 0,
      reblogs.get(status) ?? 0,
      favourited.get(status) ?? 0,
    ]),
  };
}

function authorCountRows(statuses: readonly WorldStatus[]): TableRows {
  const count = tally(statuses, (status) => status.author);
  const last = new Map(statuses.map((status) => [status.author, status.atMs]));
  return {
    table: "author_counts",
    columns: ["account_id", "statuses_count", "last_status_at"],
    rows: [...count].map(([author, posts]) => [author.id, posts, new Date(last.get(author) ?? 0)]),
  };
}

/** As they are found when a post is published. */
function mentionAndTagRows({ accounts }: World, statuses: readonly WorldStatus[]): TableRows[] {
  const byUsername = new Map(accounts.map((account) => [account.username, account]));
  const mentions: Cell[][] = [];
  const tags: Cell[][] = [];
  for (const { id, text } of statuses) {
    if (!/[@#]/.test(text)) continue;
    const parsed = parseText(text, "");
    for (const username of parsed.mentions) {
      const account = byUsername.get(username);
      if (account) mentions.push([id, account.id, account.username]);
    }
    for (const name of parsed.tags) tags.push([id, tagKey(name), name]);
  }
  return [
    { table: "status_mentions", columns: ["status_id", "account_id", "username"], rows: mentions },
    { table: "status_tags", columns: ["status_id", "tag", "name"], rows: tags },
  ];
}

/** The pictures are small enough to be their own previews. */
function mediaRows(
  statuses: readonly WorldStatus[],
  { width, height }: { width: number; height: number },
): TableRows {
  const original = { width, height, size: `${width}x${height}`, aspect: width / height };
  const meta = JSON.stringify({ original, small: original });
  let sequence = 0;
  return {
    table: "media_attachments",
    columns: [
      "id",
      "account_id",
      "status_id",
      "position",
      "type",
      "mime",
      "original_key",
      "preview_key",
      "meta",
      "blurhash",
      "description",
      "created_at",
    ],
    rows: statuses.flatMap(({ id, author, atMs, pictures = [] }) =>
      pictures.map(({ key, blurhash, alt }, position): Cell[] => [
        makeId(atMs, shardOfId(author.id), sequence++),
        author.id,
        id,
        position,
        "image",
        PICTURE_TYPE,
        key,
        key,
        meta,
        blurhash,
        alt,
        new Date(atMs),
      ]),
    ),
  };
}

function favouriteRows({ favourites }: World): TableRows {
  return {
    table: "favourites",
    columns: ["account_id", "status_id", "created_at"],
    rows: favourites.map(({ account, status, atMs }) => [account.id, status.id, new Date(atMs)]),
  };
}

function notificationRows({ demo }: World, { notifications }: Guest): TableRows {
  return {
    table: "notifications",
    columns: ["account_id", "type", "from_account_id", "status_id", "created_at"],
    rows: notifications.map(({ type, from, status, atMs }) => [
      demo.id,
      type,
      from.id,
      status?.id ?? null,
      new Date(atMs),
    ]),
  };
}

function bookmarkRows({ demo }: World, { bookmarks }: Guest): TableRows {
  return {
    table: "bookmarks",
    columns: ["account_id", "status_id"],
    rows: bookmarks.map((status) => [demo.id, status.id]),
  };
}

function listRows({ demo }: World, { lists }: Guest): TableRows[] {
  const placed = lists.map((list, index) => ({
    ...list,
    id: makeId(demo.createdAtMs + 60_000, shardOfId(demo.id), index),
  }));
  return [
    {
      table: "lists",
      columns: ["id", "account_id", "title"],
      rows: placed.map(({ id, title }) => [id, demo.id, title]),
    },
    {
      table: "list_members",
      columns: ["list_id", "member_id"],
      rows: placed.flatMap(({ id, members }) => members.map((member): Cell[] => [id, member.id])),
    },
  ];
}

function tally<Item, Key extends object>(
  items: readonly Item[],
  keyOf: (item: Item) => Key | null,
): Map<Key, number> {
  const counts = new Map<Key, number>();
  for (const item of items) {
    const key = keyOf(item);
    if (key) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}
