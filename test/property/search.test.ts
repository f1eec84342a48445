/** Texts and queries by chance: what is read one by one is found exactly when the index would find it. */
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { seededRandom } from "../../src/core/random.ts";
import { conditionText, MARKS, meets, parseStatusQuery } from "../../src/discovery/status-query.ts";
import { vectorText, wordsOf } from "../../src/discovery/words.ts";
import { type EmbeddedServer, startEmbeddedServer } from "../../src/engines/database/embedded-server.ts";
import { makeDataDir, removeDataDir } from "../support/start-roost.ts";

const ROUNDS = process.env.TEST_LONG === "1" ? 200 : 20;
const PAIRS = 300;
const seed = Number(process.env.PROPERTY_SEED ?? Date.now() % 2 ** 31);
/** Few, so that they meet; with what PostgreSQL, regular expressions and Unicode have rules of their own for. */
const PIECES = [
  ..."aab bc é ß İ + % _ # ' \\ & | ! ( : * < - \" 東京都 ไทย 한국 عرب ё 🦊",
  "ab",
  "abc",
  "\u0301",
  "ﬁ",
];

let dataDir: string;
let server: EmbeddedServer;
let client: pg.Client;

beforeAll(async () => {
  dataDir = makeDataDir();
  server = await startEmbeddedServer({ dataDir, log: () => {} });
  client = new pg.Client(server.connection);
  await client.connect();
});
afterAll(async () => {
  await client?.end();
  await server?.stop();
  await removeDataDir(dataDir);
});

test(`the index and reading agree, and -word leaves what word does not find (PROPERTY_SEED=${seed})`, async () => {
  const random = seededRandom(seed);
  const text = (most: number) =>
    Array.from({ length: 1 + random.below(most) }, () => PIECES[random.below(PIECES.length)]).join("");
  let found = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const cases = Array.from({ length: PAIRS }, () => {
      const [posted, asked] = [text(24), text(5)];
      const words = wordsOf([posted]);
      words.set(MARKS.public, []);
      const query = parseStatusQuery(asked);
      const condition = { phrases: query?.phrases ?? [], marks: query?.marks ?? [], viewerId: 1n };
      return { posted, asked, words, condition };
    });
    const { rows } = await client.query<{ is: boolean }>(
      `select v::tsvector @@ q::tsquery as is from unnest($1::text[], $2::text[]) with ordinality as u (v, q, n) order by n`,
      [cases.map(({ words }) => vectorText(words)), cases.map(({ condition }) => conditionText(condition))],
    );
    for (const [n, { posted, asked, words, condition }] of cases.entries()) {
      const is = meets(words, condition);
      expect(is, JSON.stringify({ posted, asked })).toBe(rows[n]?.is);
      if (is) found++;
      const [first, ...others] = condition.phrases;
      if (!first || others.length > 0) continue;
      const opposite = { ...condition, phrases: [{ ...first, isNegated: !first.isNegated }] };
      expect(meets(words, opposite), JSON.stringify({ posted, asked })).toBe(!is);
    }
  }
  // Not all by chance is nothing.
  expect(found).toBeGreaterThan(ROUNDS * PAIRS * 0.1);
});
