/** The corpus with ids and times, as written into the tables. Pure: the same corpus and present, the same world. */
import { type AccountId, LOGICAL_SHARDS, makeId, type StatusId, shardOfId } from "../core/ids.ts";
import { mix32, type Random, seededRandom } from "../core/random.ts";
import type { Corpus } from "./corpus.ts";
import type { Neighbours, Picture } from "./neighbours.ts";
import { DEMO_DAYS, type Schedule, scheduleOf } from "./schedule.ts";

export interface WorldAccount {
  readonly id: AccountId;
  readonly username: string;
  readonly displayName: string;
  readonly bio: string;
  readonly createdAtMs: number;
  /** Keys in the media store; without one a picture is drawn by the server. */
  readonly avatarKey?: string;
  readonly headerKey?: string;
}

export interface WorldStatus {
  readonly id: StatusId;
  readonly atMs: number;
  readonly author: WorldAccount;
  readonly text: string;
  readonly inReplyTo: WorldStatus | null;
  readonly reblogOf: WorldStatus | null;
  readonly pictures?: readonly WorldPicture[];
}

export interface WorldPicture extends Picture {
  /** In the media store. */
  readonly key: string;
}

export interface World {
  /** In the order of the corpus, then the neighbours; the demo user comes last. */
  readonly accounts: readonly WorldAccount[];
  readonly demo: WorldAccount;
  readonly neighbours: readonly WorldAccount[];
  readonly follows: {
    readonly follower: WorldAccount;
    readonly followee: WorldAccount;
    readonly atMs: number;
  }[];
  readonly statuses: WorldStatus[];
  readonly favourites: {
    readonly account: WorldAccount;
    readonly status: WorldStatus;
    readonly atMs: number;
  }[];
  readonly schedule: Schedule;
  readonly makeStatus: (status: Omit<WorldStatus, "id">) => WorldStatus;
}

const DAY_MS = 24 * 60 * 60_000;
const OLDEST_ACCOUNT_DAYS = 900;
const SEED = 7;
const DEMO_ACCOUNT = {
  username: "demo",
  displayName: "Robin Demo 🪶",
  bio: "The account of whoever is looking: post, boost, follow, mute. Nothing here leaves this machine.",
  createdAtMs: 0,
};

export function buildWorld(corpus: Corpus, { people }: Pick<Neighbours, "people">, nowMs: number): World {
  const random = seededRandom(SEED);
  const accounts = corpus.accounts.map(([username, displayName, bio], place): WorldAccount => {
    const ageDays = DEMO_DAYS + 1 + (OLDEST_ACCOUNT_DAYS - DEMO_DAYS - 1) * random.next();
    return placeAccount(
      { username, displayName, bio, createdAtMs: Math.floor(nowMs - ageDays * DAY_MS) },
      place,
    );
  });
  const neighbours = people.map(({ username, name, bio, avatar, header }, n) => {
    const createdAtMs = Math.floor(nowMs - OLDEST_ACCOUNT_DAYS * DAY_MS * (0.5 + 0.5 * random.next()));
    const account = placeAccount({ username, displayName: name, bio, createdAtMs }, accounts.length + n);
    const avatarKey = `avatars/${account.id}/${avatar}`;
    return { ...account, avatarKey, headerKey: `headers/${account.id}/${header}` };
  });
  const demo = placeAccount(
    { ...DEMO_ACCOUNT, createdAtMs: nowMs - (DEMO_DAYS + 0.5) * DAY_MS },
    accounts.length + neighbours.length,
  );
  const schedule = scheduleOf(corpus, nowMs);
  const makeStatus = statusMaker();
  const posts = placePosts(corpus, accounts, schedule, makeStatus);
  const world: World = {
    accounts: [...accounts, ...neighbours, demo],
    demo,
    neighbours,
    follows: placeFollows(corpus, accounts, demo, { nowMs, random }),
    statuses: posts.filter((post) => post !== null),
    favourites: placeFavourites(corpus, accounts, posts, { nowMs, random }),
    schedule,
    makeStatus,
  };
  addBoosts(corpus, world, posts, nowMs);
  return world;
}

function placeAccount(account: Omit<WorldAccount, "id">, place: number): WorldAccount {
  const shard = mix32(place + 1) % LOGICAL_SHARDS;
  return { ...account, id: makeId(account.createdAtMs, shard, place) };
}

/** Ids of one shard and millisecond differ by the sequence, which goes round long after the millisecond has passed. */
function statusMaker(): World["makeStatus"] {
  let sequence = 0;
  return (status) => ({ ...status, id: makeId(status.atMs, shardOfId(status.author.id), sequence++) });
}

/** By the places of the corpus; null for what is kept back. */
function placePosts(
  corpus: Corpus,
  accounts: readonly WorldAccount[],
  schedule: Schedule,
  makeStatus: World["makeStatus"],
): (WorldStatus | null)[] {
  const posts: (WorldStatus | null)[] = [];
  for (const conversation of corpus.conversations) {
    for (const [author, answers, , text] of conversation) {
      const place = posts.length;
      const atMs = schedule.atMs[place] ?? null;
      const inReplyTo = answers > 0 ? (posts[place - answers] ?? null) : null;
      posts.push(
        atMs === null
          ? null
          : makeStatus({ atMs, author: at(accounts, author), text, inReplyTo, reblogOf: null }),
      );
    }
  }
  return posts;
}

function placeFollows(
  corpus: Corpus,
  accounts: readonly WorldAccount[],
  demo: WorldAccount,
  { nowMs, random }: { nowMs: number; random: Random },
): World["follows"] {
  const follows: World["follows"] = [];
  function add(follower: WorldAccount, followee: WorldAccount): void {
    const sinceMs = Math.max(follower.createdAtMs, followee.createdAtMs);
    follows.push({ follower, followee, atMs: Math.floor(sinceMs + (nowMs - sinceMs) * random.next()) });
  }
  corpus.follows.forEach((distances, follower) => {
    let followee = 0;
    for (const distance of distances) {
      followee += distance;
      add(at(accounts, follower), at(accounts, followee));
    }
  });
  for (const followee of corpus.demo.follows) add(demo, at(accounts, followee));
  for (const follower of corpus.demo.followers) add(at(accounts, follower), demo);
  return follows;
}

function placeFavourites(
  corpus: Corpus,
  accounts: readonly WorldAccount[],
  posts: readonly (WorldStatus | null)[],
  { nowMs, random }: { nowMs: number; random: Random },
): World["favourites"] {
  const favourites: World["favourites"] = [];
  for (const [place, account] of unpackPlaces(corpus.favourites, 2)) {
    const status = posts[place ?? 0];
    if (!status) continue;
    const atMs = Math.floor(status.atMs + 20_000 * random.next() ** -1.2);
    if (atMs < nowMs) favourites.push({ account: at(accounts, account ?? 0), status, atMs });
  }
  return favourites.sort((a, b) => a.atMs - b.atMs);
}

function addBoosts(
  corpus: Corpus,
  world: World,
  posts: readonly (WorldStatus | null)[],
  nowMs: number,
): void {
  for (const [place, account, delayS] of unpackPlaces(corpus.boosts, 3)) {
    const reblogOf = posts[place ?? 0];
    const atMs = (reblogOf?.atMs ?? 0) + (delayS ?? 0) * 1_000;
    if (!reblogOf || atMs >= nowMs) continue;
    const author = at(world.accounts, account ?? 0);
    world.statuses.push(world.makeStatus({ atMs, author, text: "", inReplyTo: null, reblogOf }));
  }
}

/** Undoes the distances: rows whose first number is a place. */
function unpackPlaces(packed: readonly number[], width: number): number[][] {
  const rows: number[][] = [];
  let place = 0;
  for (let start = 0; start < packed.length; start += width) {
    place += packed[start] ?? 0;
    rows.push([place, ...packed.slice(start + 1, start + width)]);
  }
  return rows;
}

function at(accounts: readonly WorldAccount[], place: number): WorldAccount {
  const account = accounts[place];
  if (!account) throw new RangeError(`the demo's data names account ${place}, which it doesn't have`);
  return account;
}
