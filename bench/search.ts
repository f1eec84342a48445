/** Searching 100,000 accounts and 1,000,000 posts, over HTTP, as people type; with the plans of the statements. */
import { MAX_ID } from "../src/core/ids.ts";
import { searchAccounts } from "../src/discovery/search-accounts.ts";
import { searchStatuses, statusSearchOf } from "../src/discovery/search-statuses.ts";
import { searchTags, tagHistories } from "../src/discovery/search-tags.ts";
import { parseStatusQuery } from "../src/discovery/status-query.ts";
import { connectToRunningServer } from "../src/engines/database/embedded-server.ts";
import type { StaleSource } from "../src/engines/database/pools.ts";
import { type Plan, plansOf } from "./plans.ts";
import { startServer } from "./processes.ts";
import type { Figure, Measured, Part } from "./report.ts";
import { dice, makeFollows, makeSearchWorld, type SearchWorld } from "./search-world.ts";
import { type Account, makeAccounts, prepare, quantile, temporaryFolder } from "./support.ts";

const ACCOUNTS = 100_000;
const POSTS = 1_000_000;
const VIEWERS = 30;
const SEED = 12;
const RANGE = { from: 0n, below: MAX_ID };

export const search: Part = { rows: ["mentionCompletion", "tagCompletion", "searchPosts"], measure };

async function measure(seconds: number): Promise<Measured> {
  using folder = temporaryFolder();
  const settings = { DATA_DIR: folder.path };
  const { viewers, world, plans } = await prepare(settings, async (roost) => {
    const world = await makeSearchWorld(roost, { accounts: ACCOUNTS, posts: POSTS });
    const viewers = await makeAccounts(roost, VIEWERS, "viewer");
    await makeFollows(
      world,
      viewers.map(({ id }) => id),
      dice(SEED),
    );
    const connection = await connectToRunningServer(folder.path);
    if (!connection) throw new Error("the database isn't there");
    const plans = await plansOf(roost, connection, (source) => everySearch(source, viewers[5]?.id ?? 0n));
    return { viewers, world, plans };
  });
  await using server = await startServer(settings);
  const kinds: [Figure["row"], string, (roll: Roll) => string][] = [
    [
      "mentionCompletion",
      "completing mentions",
      (roll) => `/api/v1/accounts/search?limit=10&q=${mention(world, roll)}`,
    ],
    [
      "tagCompletion",
      "completing hashtags",
      (roll) => `/api/v2/search?type=hashtags&limit=10&q=${tag(world, roll)}`,
    ],
    ["searchPosts", "searching posts", (roll) => `/api/v2/search?type=statuses&q=${posts(world, roll)}`],
  ];
  const figures: Figure[] = [];
  const slowest: string[] = [];
  for (const [row, what, path] of kinds) {
    const roll = dice(SEED);
    const ask = (path: string) => timed(`${server.url}${path}`, viewers[roll(viewers.length)] as Account);
    await during(seconds / 2, async () => void (await ask(path(roll))));
    const asked: { path: string; ms: number }[] = [];
    const lookups: number[] = [];
    await during(seconds, async () => {
      const searched = path(roll);
      asked.push({ path: searched, ms: await ask(searched) });
      lookups.push(await ask("/api/v1/accounts/lookup?acct=viewer0"));
    });
    const times = asked.map(({ ms }) => ms);
    const most = Math.max(...times);
    slowest.push(`${Math.round(most)} ms: ${asked.find(({ ms }) => ms === most)?.path}`);
    figures.push(
      {
        ...(row ? { row } : {}),
        measured: quantile(times, 0.99),
        unit: "ms",
        heldAgainst: { what: "looking a name up, p99", value: quantile(lookups, 0.99) },
      },
      { what: `${what}, p50 of ${times.length}`, measured: quantile(times, 0.5), unit: "ms" },
    );
  }
  refuseWholeReads(plans);
  const texts = world.areReal ? "real texts and numbers of followers" : "texts of the demo";
  return {
    conditions: [
      `${ACCOUNTS} accounts, ${POSTS} posts, ${texts}; one request after the other; the embedded PostgreSQL`,
      ...distinct(plans).flatMap(({ statement, lines }) => [
        "",
        `  ${statement.slice(0, 110)}…`,
        ...lines.map((line) => `    ${line}`),
      ]),
      "",
      ...slowest.map((line) => `  slowest, ${line}`),
    ].join("\n"),
    figures,
  };
}

/** All kinds of statements that searching sends. */
export async function everySearch(source: StaleSource, viewerId: bigint): Promise<void> {
  const common = { viewerId, ownHost: "localhost", limit: 20, offset: 0 };
  for (const [text, isFollowing] of [
    ["a", false],
    ["lovel", false],
    ["maria", true],
    ["山", false],
  ] as const)
    await searchAccounts(source, text, { ...common, isFollowing, range: RANGE });
  for (const text of ["u", "ubuntu"]) {
    const tags = await searchTags(source, text, common);
    await tagHistories(
      source,
      tags.map(({ tag }) => tag),
      Date.now(),
    );
  }
  for (const text of [
    "the",
    "ubuntu partition",
    '"hard disk"',
    "xyzzyfrobnicate",
    "install -ubuntu has:link",
    "東京",
    "from:me the",
  ]) {
    const parsed = parseStatusQuery(text);
    const asked = parsed && (await statusSearchOf(source, parsed, { ...common, authorId: null }));
    for (const edge of ["newest", "oldest"] as const)
      if (asked) await searchStatuses(source, asked, { edge, range: RANGE, limit: 20 });
  }
}

/** Of each statement the first. */
function distinct(plans: readonly Plan[]): Plan[] {
  return [...new Map(plans.toReversed().map((plan) => [plan.statement, plan])).values()].toReversed();
}

function refuseWholeReads(plans: readonly Plan[]): void {
  const bad = plans.filter(({ readWhole }) => readWhole.length > 0);
  if (bad.length > 0)
    throw new Error(
      `sequential scans of ${bad.map(({ readWhole, statement }) => `${readWhole.join()}: ${statement}`).join("; ")}`,
    );
}

type Roll = (below: number) => number;
const pick = <T>(from: readonly T[], roll: Roll): T => from[roll(from.length)] as T;
const wordsOf = (text: string) => text.match(/[\p{L}\p{M}\p{N}]+/gu) ?? ["a"];

/** Every beginning of a word is typed as often as the next. */
function mention({ names }: SearchWorld, roll: Roll): string {
  const word = [...pick(pick(names, roll).split(" "), roll)];
  return encodeURIComponent(word.slice(0, 1 + roll(Math.min(8, word.length))).join(""));
}

function tag({ tags }: SearchWorld, roll: Roll): string {
  const word = [...pick(tags, roll)];
  return encodeURIComponent(word.slice(0, 1 + roll(Math.min(8, word.length))).join(""));
}

/** Words as frequent as they are in posts, alone, together, as phrases and with conditions. */
function posts({ texts, names }: SearchWorld, roll: Roll): string {
  const words = wordsOf(pick(texts, roll));
  const at = roll(words.length);
  const word = words[at] ?? "";
  const handle = names[names.length / 2 + roll(names.length / 2)];
  const query = [
    word,
    word,
    word.slice(0, 3),
    `${word} ${pick(words, roll)}`,
    `${word} ${pick(words, roll)} ${pick(words, roll)}`,
    `"${words.slice(at, at + 3).join(" ")}"`,
    `${word} -${pick(wordsOf(pick(texts, roll)), roll)}`,
    `from:${handle} ${word}`,
    `has:link ${word}`,
    `${word} before:2025-01-01`,
  ];
  return encodeURIComponent(pick(query, roll));
}

async function timed(url: string, { token }: Account): Promise<number> {
  const startedAtMs = performance.now();
  const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return performance.now() - startedAtMs;
}

async function during(seconds: number, work: () => Promise<void>): Promise<void> {
  const untilMs = performance.now() + seconds * 1_000;
  while (performance.now() < untilMs) await work();
}
