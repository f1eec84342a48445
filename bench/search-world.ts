/** Accounts and posts to search in: real texts and numbers of followers where they lie beside the checkout. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { sql } from "kysely";
import pino from "pino";
import type { Roost } from "../src/composition.ts";
import { foldLatin } from "../src/core/fold.ts";
import { makeId, shardOfId } from "../src/core/ids.ts";
import { type Cell, copyRows } from "../src/demo/copy.ts";
import { readCorpus } from "../src/demo/corpus.ts";
import { fillAccountWords, statusFilling } from "../src/discovery/fill-words.ts";

const SHARED = resolve(
  fileURLToPath(new URL("..", import.meta.url)),
  process.env.ROOST_SHARED ?? "../shared",
  "data",
);
const ROWS_AT_ONCE = 20_000;
const THREE_YEARS_MS = 3 * 365 * 86_400_000;
const NEVER = new AbortController().signal;

const FIRST_NAMES =
  "Ada Alan Alice Amélie Andrea Anna Anton Barbara Beatriz Björn Carlos Catherine Chloé Dmitri Elena Emma Fatima Felix Greta Hanna Hugo Ingrid Ivan James Jan João José Julia Kofi Lars Laura Léa Linda Łukasz Marco Maria Marta Max Mohammed Nadia Niamh Nina Olga Omar Oscar Paula Pedro Peter Priya Rosa Sam Sara Sinéad Sofia Søren Thomas Tomás Vera Yusuf Zoë İpek Юлия Дмитрий Γιώργος 太郎 花子 철수 영희 伟 芳 عبد فاطمة สมชาย".split(
    " ",
  );
const LAST_NAMES =
  "Álvarez Andersen Bakker Barbieri Berg Bianchi Brown Çelik Chen Cohen Costa Da-Silva Dubois Eriksen Fernández Fischer García Gonzalez Haddad Hansen Hernández Ivanov Jansen Johnson Jones Kaya Kim Kovács Kowalski Kumar Larsen Lefebvre López Lovelace Martin Meyer Moreau Müller Nguyen Nielsen Novak O’Brien O’Connor Okafor Olsen Papadopoulos Patel Pereira Petrov Popescu Rossi Şahin Santos Schmidt Silva Singh Smith Suzuki Tanaka Taylor Torres Turing Van-Dijk Virtanen Wang Weber Williams Wilson Yamada Yılmaz Żak Березкин 山田 佐藤 김 이 王 李 الله ใจดี".split(
    " ",
  );

export interface SearchWorld {
  readonly roost: Roost;
  readonly accountIds: readonly bigint[];
  readonly names: readonly string[];
  readonly texts: readonly string[];
  readonly tags: readonly string[];
  readonly areReal: boolean;
}

/** The same numbers again each time. */
export function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** Fills an empty database, words included. */
export async function makeSearchWorld(
  roost: Roost,
  size: { accounts: number; posts: number },
  seed = 1,
): Promise<SearchWorld> {
  const roll = dice(seed);
  const areReal = existsSync(join(SHARED, "posts/irc-posts.jsonl.gz"));
  const texts = areReal ? realTexts() : (await readCorpus()).conversations.flat().map(([, , , text]) => text);
  const client = await roost.database.dedicated();
  const copy = (table: string, columns: string[], rows: Cell[][]) =>
    copyRows(client, { table, columns, rows }, () => {});
  try {
    const nowMs = Date.now();
    const accountIds = Array.from({ length: size.accounts }, (_, n) =>
      makeId(nowMs - THREE_YEARS_MS + n * 10, n % 1024, n),
    );
    const pick = <T>(from: readonly T[]) => from[roll(from.length)] as T;
    const names = accountIds.map(() => `${pick(FIRST_NAMES)} ${pick(LAST_NAMES)}`);
    const handles = names.map((name, n) => `${foldLatin(name).replace(/[^a-z]+/g, "_")}${n}`.slice(-30));
    await copy(
      "accounts",
      ["id", "username", "display_name"],
      accountIds.map((id, n) => [id, handles[n] ?? "", names[n] ?? ""]),
    );
    await copy(
      "follow_counts",
      ["account_id", "followers_count"],
      followersOf(size.accounts, roll).map((count, n) => [accountIds[n] ?? 0n, count]),
    );
    const tags = tagsOf(texts);
    for (let start = 0; start < size.posts; start += ROWS_AT_ONCE) {
      const count = Math.min(ROWS_AT_ONCE, size.posts - start);
      const posts = Array.from({ length: count }, (_, i) => {
        const n = start + i;
        // Most is said by few.
        const author = accountIds[Math.floor((roll(2 ** 20) / 2 ** 20) ** 3 * accountIds.length)] ?? 0n;
        const atMs = nowMs - Math.floor((1 - n / size.posts) * THREE_YEARS_MS) - 600_000;
        return { id: makeId(atMs, shardOfId(author), n), author, atMs, text: textOf(texts, n, roll) };
      });
      await copy(
        "statuses",
        ["id", "author_id", "visibility", "text", "language", "created_at"],
        posts.map(({ id, author, text, atMs }) => [id, author, 0, text, "en", new Date(atMs)]),
      );
      const tagged = posts
        .filter((_, i) => i % 3 === 0)
        .map(({ id }) => [id, tags[Math.floor((roll(2 ** 20) / 2 ** 20) ** 4 * tags.length)] ?? ""] as const);
      await copy(
        "status_tags",
        ["status_id", "tag", "name"],
        tagged.map(([id, tag]) => [id, foldLatin(tag), tag]),
      );
    }
    await fillAccountWords(roost.database, NEVER, 0);
    await statusFilling(roost.database, pino({ level: "silent" }), () => Date.now(), 0).run(NEVER);
    // As autovacuum does by and by.
    await client.query("vacuum (analyze)");
    return { roost, accountIds, names: [...names, ...handles], texts, tags, areReal };
  } finally {
    await client.end();
  }
}

/** Each real text once; then halves of two, so that words are as frequent as they are. */
function textOf(texts: readonly string[], n: number, roll: (below: number) => number): string {
  const text = texts[n % texts.length] ?? "";
  if (n < texts.length) return text;
  const other = texts[roll(texts.length)] ?? "";
  return `${text.slice(0, text.length / 2)} ${other.slice(other.length / 2)} ${n}`;
}

function realTexts(): string[] {
  const lines = (file: string) =>
    gunzipSync(readFileSync(join(SHARED, file)))
      .toString()
      .trim()
      .split("\n");
  const posts = lines("posts/irc-posts.jsonl.gz").map((line) => (JSON.parse(line) as { text: string }).text);
  const others = lines("posts/multilingual-posts.tsv.gz")
    .slice(1)
    .map((line) => line.split("\t")[1] ?? "");
  // In turns, or the others would be the newest of all.
  const each = Math.floor(posts.length / others.length);
  return posts.flatMap((text, n) => (n % each === 0 ? [text, others[n / each] ?? text] : [text]));
}

function followersOf(count: number, roll: (below: number) => number): number[] {
  const file = join(SHARED, "graph/ego-twitter-follows.tsv.gz");
  const followers = new Array<number>(count).fill(0);
  if (existsSync(file)) {
    for (const line of gunzipSync(readFileSync(file)).toString().trim().split("\n")) {
      const followee = Number(line.split("\t")[1]) - 1;
      if (followee < count) followers[followee] = (followers[followee] ?? 0) + 1;
    }
    return followers;
  }
  return followers.map(() => Math.floor(8 / ((roll(2 ** 20) + 1) / 2 ** 20) ** 0.7) - 8);
}

function tagsOf(texts: readonly string[]): string[] {
  const words = texts.slice(0, 100_000).flatMap((text) => text.match(/\p{L}{4,20}/gu) ?? []);
  return [...new Map(words.map((word) => [foldLatin(word), word])).values()].slice(0, 20_000);
}

/** Whom these accounts follow: so many of all, as many as people follow. */
export async function makeFollows(
  world: SearchWorld,
  viewers: readonly bigint[],
  roll: (below: number) => number,
) {
  for (const [n, viewer] of viewers.entries()) {
    const count = Math.min(world.accountIds.length, [0, 9, 26, 55, 181, 1_205][n % 6] ?? 0);
    const followees = Array.from(
      { length: count },
      () => world.accountIds[roll(world.accountIds.length)] ?? 0n,
    );
    await sql`insert into follows (follower_id, followee_id)
      select ${viewer}, id from unnest(${followees}::bigint[]) as f (id) on conflict do nothing`.execute(
      world.roost.database.db,
    );
  }
}
