/**
 * An author's audience crosses the thresholds of pull and push a hundred times, while people post, delete and scroll.
 * Whatever is read meanwhile holds what it certainly must (`bustle.ts`); after each change of mode everything stops for a
 * moment, and timelines are, page by page, what the defining query and the model say.
 */
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeId } from "../../src/core/ids.ts";
import { seededRandom } from "../../src/core/random.ts";
import { insertAccount } from "../support/accounts.ts";
import { type Answer, Client, type SignedUp, type Status } from "../support/client.ts";
import { testCluster } from "../support/cluster-tenant.ts";
import { Model } from "../support/home-model.ts";
import { type OpenedRoost, openTestRoost } from "../support/open-roost.ts";
import { homesBySql } from "../support/oracle.ts";
import { patiently, repeated } from "../support/patient.ts";
import { waitFor } from "../support/wait.ts";
import { Bustle, type Viewer } from "./bustle.ts";

const FLIPS = 100;
const READERS = 3;
/** They follow the famous one, and leave. */
const CROWD = 2;
/** The readers and the two other authors always follow. */
const PULL_FROM = READERS + 2 + CROWD;
const PUSH_BELOW = READERS + 2 + 1;
/**
 * Of both ways after a change. Servers may hear of it late, by less than this: on a busy machine, through replicas that
 * have to confirm it, that can be seconds.
 */
const OVERLAP_MS = testCluster ? 5_000 : 1_000;
/** Most changes come while the overlap of the one before lasts. After some, posts go one way only: so many of them. */
const POSTS_ONE_WAY = 5;
const isHeld = (flip: number) => flip % 20 === 9 || flip % 20 === 10;
/** How many of the newest everybody scrolls through after each change: below what is kept. */
const NEWEST = 80;
/** After so many changes one of them goes down to the end, after the last everybody does. */
const WHOLE_EVERY = 5;
const FLIP_MS_MAX = 60_000;
const seed = Number(process.env.PROPERTY_SEED ?? Date.now() % 2 ** 31);

let roost: OpenedRoost;
let authors: Viewer[];
let readers: Viewer[];
let crowd: SignedUp[];

beforeAll(async () => {
  roost = await openTestRoost({
    FAN_OUT_PULL_FROM_FOLLOWERS: `${PULL_FROM}`,
    FAN_OUT_PUSH_BELOW_FOLLOWERS: `${PUSH_BELOW}`,
    FAN_OUT_SWITCH_OVERLAP_MS: `${OVERLAP_MS}`,
    // So that a page or two reach below what is kept.
    TIMELINE_MAX_ENTRIES: "60",
  });
  const viewer = async (username: string): Promise<Viewer> => ({
    ...(await person(username)),
    follows: new Set<Viewer>(),
    shownMs: new Map<bigint, number>(),
  });
  const named = <P>(what: string, count: number, make: (username: string) => Promise<P>) =>
    Promise.all(Array.from({ length: count }, (_, n) => make(`${what}_${n}`)));
  authors = [await viewer("famous"), ...(await named("author", 2, viewer))];
  readers = await named("reader", READERS, viewer);
  crowd = await named("crowd", CROWD, person);
  for (const one of [...authors, ...readers]) {
    for (const author of authors) {
      if (one === author) continue;
      await patiently(one.client, "POST", `/api/v1/accounts/${author.id}/follow`);
      one.follows.add(author);
    }
  }
}, 300_000);
afterAll(() => roost?.[Symbol.asyncDispose]());

let made = 0;

/** Put straight into the database: hashing passwords isn't what is tested here. Each on another shard. */
async function person(username: string): Promise<SignedUp> {
  const { db } = roost.database;
  const number = made++;
  const id = makeId(Date.UTC(2025, 0, 1) + number, number, 0);
  const token = await insertAccount(db, id, username);
  return { id: `${id}`, username, client: new Client(roost.url, token) };
}

test(`${FLIPS} changes of mode under load: timelines are what they must be throughout (seed ${seed})`, async () => {
  const random = seededRandom(seed);
  const startedMs = performance.now();
  const bustle = new Bustle({ authors, readers, random });
  const [famous] = authors as [Viewer];
  const hasPosted = () =>
    [...bustle.posts.values()].some(({ author, deletingMs }) => author === famous && deletingMs === null);
  let comparedPages = 0;
  try {
    for (let flip = 1; flip <= FLIPS; flip++) {
      const mode = flip % 2 === 1 ? "pull" : "push";
      await Promise.all(
        crowd.map(async ({ client }) => {
          const change = mode === "pull" ? "follow" : "unfollow";
          await patiently(client, "POST", `/api/v1/accounts/${famous.id}/${change}`);
          const { body: home } = await patiently(client, "GET", "/api/v1/timelines/home?limit=1");
          // There is no moment between the answer and what comes of it.
          if (mode === "push") expect(home, "after unfollowing").toEqual([]);
          else if (hasPosted()) expect(home, "after following").toHaveLength(1);
        }),
      );
      const switchPoint = await changed(bustle, flip, mode);
      if (isHeld(flip)) await goesOneWay(bustle, switchPoint, mode);
      await bustle.pause();
      await waitFor(() => roost.isIdle(), FLIP_MS_MAX, "everything is delivered");
      comparedPages += await compare(bustle, { flip, limit: 7 + random.below(34), mode });
      bustle.resume();
      if (process.env.TEST_FIGURES && flip % 10 === 0)
        console.log(`${flip} changes after ${Math.round((performance.now() - startedMs) / 1_000)} s`);
    }
  } catch (error) {
    const after = `${comparedPages} pages compared, ${bustle.posts.size} posts`;
    throw new Error(`PROPERTY_SEED=${seed}, after ${after}: ${error}`, { cause: error });
  } finally {
    await bustle.stop();
  }
  if (process.env.TEST_FIGURES) {
    const seconds = (performance.now() - startedMs) / 1_000;
    console.log(`${FLIPS} changes of mode in ${seconds.toFixed(0)} s: ${bustle.posts.size} posts,`);
    console.log(
      `${bustle.pagesRead} pages read meanwhile, ${comparedPages} compared in between, ${repeated.times} asked again`,
    );
  }
}, 600_000);

/** Until the author has changed to the mode, once and not more; resolves to the switch point. */
async function changed(bustle: Bustle, flip: number, mode: string): Promise<bigint> {
  const { id } = authors[0] as Viewer;
  const switches = async () => {
    const found = await sql<{ mode: string; from_status_id: bigint }>`select mode, from_status_id
      from fan_out_modes where account_id = ${id}::bigint order by from_status_id`.execute(roost.database.db);
    return found.rows;
  };
  const isThere = async () => {
    bustle.expectWell();
    return (await switches()).length >= flip;
  };
  await waitFor(isThere, FLIP_MS_MAX, `change ${flip}, to ${mode}`);
  const all = await switches();
  expect(all.map((one) => one.mode)).toEqual(
    Array.from({ length: flip }, (_, n) => (n % 2 === 0 ? "pull" : "push")),
  );
  return all.at(-1)?.from_status_id ?? 0n;
}

/** Until posts have gone one way only. */
async function goesOneWay(bustle: Bustle, switchPoint: bigint, mode: string): Promise<void> {
  const from = switchPoint + (BigInt(OVERLAP_MS) << 22n);
  const have = () => {
    bustle.expectWell();
    const after = [...bustle.posts.values()].filter((post) => post.author === authors[0] && post.id > from);
    return after.length >= POSTS_ONE_WAY;
  };
  await waitFor(have, FLIP_MS_MAX + OVERLAP_MS, `posts go by ${mode} alone`);
}

/** Everybody's timeline, now that nothing moves. Resolves to the number of pages that were read for it. */
async function compare(
  bustle: Bustle,
  { flip, limit, mode }: { flip: number; limit: number; mode: string },
): Promise<number> {
  const [famous, ...others] = authors as [Viewer, ...Viewer[]];
  const viewers: SignedUp[] = [famous, ...others, ...readers, crowd[flip % CROWD] as SignedUp];
  const homes = await homesBySql(
    roost.database,
    viewers.map(({ id }) => BigInt(id)),
  );
  const model = modelOf(bustle, mode);
  let pages = 0;
  for (const [place, { client, username }] of viewers.entries()) {
    const expected = homes[place] ?? [];
    const of = `${username} after change ${flip}, to ${mode}`;
    expect(differences(model.home(place), expected), `the model's home and the query's of ${of}`).toEqual(
      SAME,
    );
    const isWhole =
      flip === FLIPS || (flip % WHOLE_EVERY === 0 && place === (flip / WHOLE_EVERY) % viewers.length);
    const shown: bigint[] = [];
    let path: string | null = `/api/v1/timelines/home?limit=${limit}`;
    while (path !== null && (isWhole || shown.length < NEWEST)) {
      const { body, headers }: Answer<Status[]> = await patiently<Status[]>(client, "GET", path);
      // Only the last one may be short.
      if (shown.length % limit !== 0) expect(body, `below the end of ${of}`).toEqual([]);
      pages++;
      shown.push(...body.map(({ id }) => BigInt(id)));
      const next: string | undefined = headers.get("link")?.match(/<[^>]+?(\/api\/[^>]+)>; rel="next"/)?.[1];
      path = body.length > 0 && next ? next : null;
    }
    const wanted = path === null ? expected : expected.slice(0, shown.length);
    expect(differences(shown, wanted), `the home of ${of}, ${limit} a page`).toEqual(SAME);
  }
  return pages;
}

function modelOf(bustle: Bustle, mode: string): Model {
  const people = [...authors, ...readers];
  const model = new Model(people.length + 1);
  for (const [place, viewer] of people.entries())
    for (const author of viewer.follows) model.follow(place, people.indexOf(author), true);
  if (mode === "pull") model.follow(people.length, 0, true);
  for (const { id, author, deletingMs } of bustle.posts.values()) {
    if (deletingMs !== null) continue;
    const plain = {
      visibility: "public",
      mentions: new Set<number>(),
      repliesTo: null,
      boostOf: null,
    } as const;
    model.statuses.set(id, { id, author: people.indexOf(author), ...plain });
  }
  return model;
}

const SAME = { missing: [], tooMany: [], isInOrder: true };

/** In a few words: whole timelines side by side tell nobody anything. */
function differences(got: readonly bigint[], expected: readonly bigint[]) {
  return {
    missing: expected.filter((id) => !got.includes(id)).slice(0, 5),
    tooMany: got.filter((id, place) => !expected.includes(id) || got.indexOf(id) !== place).slice(0, 5),
    isInOrder: got.every((id, place) => place === 0 || id < (got[place - 1] ?? 0n)),
  };
}
