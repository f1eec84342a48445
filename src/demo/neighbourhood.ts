/** Places the neighbours' posts in the world: their pictures, answers, followers and applause. */
import { type Random, seededRandom } from "../core/random.ts";
import type { MediaStore } from "../engines/media-store/port.ts";
import { type NeighbourPost, type Neighbours, PICTURE_TYPE, readPicture } from "./neighbours.ts";
import { DEMO_DAYS } from "./schedule.ts";
import type { World, WorldAccount, WorldStatus } from "./world.ts";

const MINUTE_MS = 60_000;
const SEED = 23;
/** Of three posts one is kept for the replay, so that pictures come while somebody looks. */
const KEPT_BACK_EACH = 3;
/** How much of the posts lies close to the present: the higher, the more. */
const RECENCY = 6;
const NEWEST_MS = 3 * MINUTE_MS;
/** The demo user follows so many of them: of what they say to each other, half is then not for this reader. */
const FOLLOWED_BY_DEMO = 13;
const FOLLOWING_DEMO = 9;
const FOLLOWERS = { least: 140, most: 900 };
const FAVOURITES_MOST = 64;
const BOOSTS_MOST = 7;

/** What is published live, in this order, again and again: mixed, so that others speak in between. */
export function keptForReplay({ posts }: Neighbours): NeighbourPost[] {
  const kept = posts.filter((_, n) => n % KEPT_BACK_EACH === KEPT_BACK_EACH - 1);
  return seededRandom(SEED).shuffle(kept);
}

/** As people answer: to whom they speak comes first. */
export function answerText(by: string, text: string): string {
  return text.startsWith("@") ? text : `@${by} ${text}`;
}

/** Adds follows, posts, answers, boosts and favourites to the world. */
export function addNeighbours(world: World, { posts }: Neighbours, nowMs: number): void {
  const random = seededRandom(SEED);
  const byName = new Map(world.neighbours.map((account) => [account.username, account]));
  const followers = addFollowers(world, random, nowMs);
  const loaded = random.shuffle(posts.filter((_, n) => n % KEPT_BACK_EACH !== KEPT_BACK_EACH - 1));
  for (const [n, post] of loaded.entries()) {
    const author = byName.get(post.by);
    if (!author) continue;
    const ageMs = DEMO_DAYS * 24 * 60 * MINUTE_MS * ((n + random.next()) / loaded.length) ** RECENCY;
    const said = addTalk(world, post, { byName, author, atMs: nowMs - NEWEST_MS - ageMs, nowMs, random });
    applaud(world, said, { audience: followers.get(author) ?? [], random, nowMs });
  }
}

function addFollowers(world: World, random: Random, nowMs: number): Map<WorldAccount, WorldAccount[]> {
  const { neighbours, demo, accounts } = world;
  const everyone = accounts.slice(0, accounts.length - neighbours.length - 1);
  const add = (follower: WorldAccount, followee: WorldAccount) => {
    const sinceMs = Math.max(follower.createdAtMs, followee.createdAtMs);
    world.follows.push({
      follower,
      followee,
      atMs: Math.floor(sinceMs + (nowMs - sinceMs) * random.next()),
    });
  };
  for (const follower of neighbours)
    for (const followee of neighbours) if (follower !== followee) add(follower, followee);
  const known = random.shuffle([...neighbours]);
  for (const followee of known.slice(0, FOLLOWED_BY_DEMO)) add(demo, followee);
  for (const follower of known.slice(0, FOLLOWING_DEMO)) add(follower, demo);
  return new Map(
    neighbours.map((followee) => {
      const count = FOLLOWERS.least + random.below(FOLLOWERS.most - FOLLOWERS.least);
      const followers = new Set<WorldAccount>();
      while (followers.size < Math.min(count, everyone.length)) followers.add(random.pick(everyone));
      for (const follower of followers) add(follower, followee);
      return [followee, [...followers]] as const;
    }),
  );
}

function addTalk(
  world: World,
  post: NeighbourPost,
  place: {
    byName: ReadonlyMap<string, WorldAccount>;
    author: WorldAccount;
    atMs: number;
    nowMs: number;
    random: Random;
  },
): WorldStatus {
  const { byName, author, nowMs, random } = place;
  const add = (status: Omit<WorldStatus, "id">): WorldStatus => {
    const made = world.makeStatus(status);
    world.statuses.push(made);
    return made;
  };
  const pictures = post.pictures.map((picture) => ({
    ...picture,
    key: `attachments/${author.id}/${picture.file}`,
  }));
  const root = { atMs: Math.floor(place.atMs), author, text: post.text, inReplyTo: null, reblogOf: null };
  const said = add({ ...root, pictures });
  let last = said;
  for (const [by, text] of post.answers) {
    const account = byName.get(by);
    const atMs = last.atMs + (2 + random.below(24)) * MINUTE_MS + random.below(MINUTE_MS);
    if (!account || atMs >= nowMs) break;
    const inReplyTo = text.startsWith("@") ? last : said;
    last = add({ atMs, author: account, text: answerText(post.by, text), inReplyTo, reblogOf: null });
  }
  return said;
}

function applaud(
  world: World,
  status: WorldStatus,
  { audience, random, nowMs }: { audience: readonly WorldAccount[]; random: Random; nowMs: number },
): void {
  const liking = random.shuffle([...audience]).slice(0, 3 + Math.floor(FAVOURITES_MOST * random.next() ** 2));
  for (const account of liking) {
    const atMs = Math.floor(status.atMs + MINUTE_MS * random.next() ** -1.1);
    if (atMs < nowMs) world.favourites.push({ account, status, atMs });
  }
  const boosting = random
    .shuffle([...audience.slice(0, 40), ...world.neighbours])
    .slice(0, Math.floor(BOOSTS_MOST * random.next() ** 2));
  for (const author of boosting) {
    const atMs = Math.floor(status.atMs + 2 * MINUTE_MS * random.next() ** -1.1);
    if (author === status.author || atMs >= nowMs) continue;
    world.statuses.push(world.makeStatus({ atMs, author, text: "", inReplyTo: null, reblogOf: status }));
  }
}

/** Before the rows that name them, so that no row is ever without its file. */
export async function storePictures(world: World, store: MediaStore): Promise<void> {
  const files = [
    ...world.neighbours.flatMap(({ avatarKey = "", headerKey = "" }) => [avatarKey, headerKey]),
    ...world.statuses.flatMap(({ pictures = [] }) => pictures.map(({ key }) => key)),
  ];
  for (const key of files) await store.put(key, await readPicture(key.split("/").at(-1) ?? ""), PICTURE_TYPE);
}
