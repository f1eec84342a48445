/** Search over the API, before the words of accounts and posts are filled in, and after. */
import { sql } from "kysely";
import pino from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openRoost, type Roost } from "../../src/composition.ts";
import { loadConfig } from "../../src/config.ts";
import { makeId } from "../../src/core/ids.ts";
import { fillAccountWords, statusFilling } from "../../src/discovery/fill-words.ts";
import { type SignedUp, type Status, signUp } from "../support/client.ts";
import { makeDataDir, removeDataDir } from "../support/start-roost.ts";

const SETTINGS = { PORT: "0", HOST: "127.0.0.1", RATE_LIMITS: "off", LOG_LEVEL: "error" };
const NEVER = new AbortController().signal;
const PIXEL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=",
  "base64",
);

/** Without the role `jobs`, so that nothing is filled in but when a test says so. */
let dataDir: string;
let roost: Roost;
let alice: SignedUp;
let bob: SignedUp;
let url: string;

beforeAll(async () => {
  dataDir = makeDataDir();
  roost = await openRoost(loadConfig({ ...SETTINGS, DATA_DIR: dataDir }).config, { roles: ["api"] });
  url = await roost.listen();
  [alice, bob] = (await signUp(url, "alice", "bob_the_builder")) as [SignedUp, SignedUp];
});

afterAll(async () => {
  await roost?.[Symbol.asyncDispose]();
  await removeDataDir(dataDir);
});

async function fill(): Promise<void> {
  await fillAccountWords(roost.database, NEVER, 0);
  await statusFilling(roost.database, pino({ level: "silent" }), () => Number.MAX_SAFE_INTEGER, 0).run(NEVER);
  expect(await unfilled()).toBe(0);
}

/** How many accounts and posts search would read themselves. */
async function unfilled(): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select ((select count(*) from accounts where words is null)
      + (select count(*) from statuses s where reblog_of_id is null
          and not exists (select 1 from status_words where status_id = s.id and words is not null)))::int as n`.execute(
    roost.database.db,
  );
  return rows[0]?.n ?? -1;
}

const empty = () =>
  sql`with a as (delete from status_words), b as (delete from search_progress) update accounts set words = null`.execute(
    roost.database.db,
  );

interface Found {
  readonly accounts: { id: string; username: string; display_name: string }[];
  readonly statuses: Status[];
  readonly hashtags: {
    id: string;
    name: string;
    history: { day: string; uses: string; accounts: string }[];
  }[];
}

const search = (q: string, more = "", who = alice) =>
  who.client.get<Found>(`/api/v2/search?q=${encodeURIComponent(q)}${more}`);
const texts = async (q: string, more = "", who = alice) =>
  (await search(q, `&type=statuses${more}`, who)).statuses.map(({ content }) =>
    content.replace(/<[^>]*>/g, ""),
  );

let made = 0;

async function account(displayName: string, followers = 0, username = `u${made}`): Promise<bigint> {
  const id = makeId(Date.UTC(2025, 0, 1) + made++, made % 1024, 0);
  const { db } = roost.database;
  await sql`insert into accounts (id, username, display_name) values (${id}, ${username}, ${displayName})`.execute(
    db,
  );
  await sql`insert into follow_counts (account_id, followers_count) values (${id}, ${followers})`.execute(db);
  return id;
}

describe.each(["are missing", "are there"])("while words %s", (state) => {
  const ready = async () => (state === "are there" ? fill() : empty());

  describe("an account is found by any word of its name, and by the word's beginning", () => {
    const NAMES: [name: string, queries: string[]][] = [
      ["Dr. Ada Lovelace", ["lovelace", "Ada", "LOVE", "ada love", "lovelace ada", "dr"]],
      ["José Álvarez", ["Álvarez", "jose", "alvarez", "JOSÉ"]],
      ["山田太郎", ["太郎", "山田", "田太", "郎"]],
      ["김철수", ["철수", "김철", "철수".normalize("NFD")]],
      ["عبد الله", ["الله", "عبد", "لله"]],
      ["สมชาย ใจดี", ["ใจดี", "สมชาย", "ชาย"]],
      ["🦊 Fox", ["Fox", "🦊", "🦊 fox"]],
      ["Sinéad O’Connor", ["Connor", "O'Connor", "o’connor", "sinead"]],
      ["Łukasz Żak", ["zak", "lukasz", "Łukasz"]],
      ["İpek Şahin", ["İpek", "ipek", "sahin", "şahin", "IPEK"]],
      ["Юлия Берёзкина", ["березкина", "Берёз", "юлия"]],
      ["Γιώργος", ["γιωργος", "ΓΙΏΡΓΟΣ"]],
      ["Fußball Müller", ["fussball", "muller", "Fuß"]],
      ["ＦＵＬＬ ｗｉｄｔｈ", ["full", "width"]],
      ["မောင်အေး", ["အေး"]],
      ["సాయి కుమార్", ["కుమార్"]],
      ["100% C++ fan_girl", ["c++", "100%", "fan_g", "girl"]],
    ];

    beforeAll(async () => {
      for (const [name] of NAMES) await account(name);
      await ready();
    });

    test.each(NAMES.flatMap(([name, queries]) => queries.map((query) => [name, query])))(
      "%s by %s",
      async (name, query) => {
        const { accounts } = await search(query, "&type=accounts&limit=40");
        expect(accounts.map(({ display_name }) => display_name)).toContain(name);
        const completed = await alice.client.get<Found["accounts"]>(
          `/api/v1/accounts/search?q=${encodeURIComponent(query)}`,
        );
        expect(completed.map(({ display_name }) => display_name)).toContain(name);
      },
    );

    test.each(["builder", "bob", "bob_the", "@bob_the_builder"])("handles too: %s", async (query) => {
      expect((await search(query, "&type=accounts")).accounts.map(({ id }) => id)).toContain(bob.id);
    });

    test.each([
      "velace",
      "ada alvarez",
      "lovelace@elsewhere.example",
      "...",
      "%",
      "_",
      "\\",
      "'",
      "a & !b",
      " ",
    ])("%s finds nobody of that name", async (query) => {
      const names = (await search(query, "&type=accounts&limit=40")).accounts.map(
        (found) => found.display_name,
      );
      expect(names).not.toContain("Dr. Ada Lovelace");
    });
  });

  test("the exact handle comes first, then whom one follows, then handles that begin so, the most followed first", async () => {
    const tag = state === "are there" ? "rankx" : "ranky";
    const named = await account(`${tag} of great fame`, 900);
    const followed = await account(`${tag} a friend`, 1);
    const [exact, beginning, better] = [
      await account("", 0, tag),
      await account("", 5, `${tag}ing`),
      await account("", 6, `${tag}er`),
    ];
    await alice.client.follow(`${followed}`);
    await ready();
    const ids = async (more = "") =>
      (
        await alice.client.get<Found["accounts"]>(`/api/v1/accounts/search?q=${tag.toUpperCase()}${more}`)
      ).map(({ id }) => BigInt(id));
    const all = [exact, followed, better, beginning, named];
    expect(await ids()).toEqual(all);
    expect(await ids("&following=true")).toEqual([followed]);
    expect(await ids("&limit=2")).toEqual(all.slice(0, 2));
    expect(await ids("&limit=2&offset=2")).toEqual(all.slice(2, 4));
    expect(await ids("&limit=2&offset=4")).toEqual(all.slice(4));
    for (const offset of [5, 1e6, "99999999999999999999"]) expect(await ids(`&offset=${offset}`)).toEqual([]);
    for (const offset of ["", "x", "Infinity"]) expect(await ids(`&offset=${offset}`)).toEqual(all);
    expect(await ids("&offset=-3")).toEqual(all.slice(3));
  });

  describe("posts", () => {
    const POSTS = [
      "The quick brown fox jumps",
      "quick and slow, a fox that is brown",
      "Être ou ne pas être, c’est la question",
      "Ёлка в лесу",
      "今日は東京都に行きました",
      "ประเทศไทยสวยงาม",
      "مرحبا بالعالم الجميل",
      "I write C++ at 100% speed in snake_case",
      "see https://example.org/wikipedia",
      "ｆｕｌｌ ｗｉｄｔｈ letters",
      "#Café au lait",
      "한국어를 배워요",
    ];

    beforeAll(async () => {
      await sql`delete from statuses`.execute(roost.database.db);
      await empty();
      for (const [n, text] of POSTS.entries()) {
        const who = n % 2 === 0 ? alice : bob;
        await who.client.publish(text, { language: n === 2 ? "fr" : "en" });
      }
      await ready();
    });

    test.each<[query: string, found: number[]]>([
      ["quick", [0, 1]],
      ["QUICK fox", [0, 1]],
      ["quick fo", [0, 1]],
      ['"quick brown fox"', [0]],
      ["“quick brown”", [0]],
      ['"quick bro"', []],
      ['"brown fox', [0]],
      ["quick -slow", [0]],
      ['fox -"quick brown"', [1]],
      ["from:bob_the_builder quick", [1]],
      ["from:@bob_the_builder quick", [1]],
      ["from:me quick", [0]],
      ["quick -from:me", [1]],
      ["from:nobody quick", []],
      ["has:link", [8]],
      ["has:link wikipedia", [8]],
      ["has:media", []],
      ["has:poll", []],
      ["quick has:link", []],
      ["etre", [2]],
      ["c'est", [2]],
      ["c’est", [2]],
      ["être".normalize("NFD"), [2]],
      ["language:fr", [2]],
      ["елка", [3]],
      ["ёлка".normalize("NFD"), [3]],
      ["東京", [4]],
      ["京都", [4]],
      ["行きました", [4]],
      ["東京都 今日", [4]],
      ["東都", []],
      ["ไทย", [5]],
      ["สวย", [5]],
      ["عالم", [6]],
      ["الجميل", [6]],
      ["C++", [7]],
      ["%", [7]],
      ["100%", [7]],
      ["_", [7]],
      ["snake_case", [7]],
      ["full width", [9]],
      ["ｆｕｌｌ", [9]],
      ["#cafe", [10]],
      ["cafe\u0301", [10]],
      ["한국어", [11]],
      ["국어", [11]],
      ["배워".normalize("NFD"), [11]],
      ["foo:bar", []],
      ["has:nothing", []],
      ["before:2001-01-01", []],
      ["quick after:2001-01-01", [0, 1]],
      ["quick before:2099", [0, 1]],
      ["quick after:2099-12", []],
      ["quick during:2001", []],
      ["is:reply", []],
      ["in:all quick", [0, 1]],
      ["'", []],
      ["\\", []],
      ["...", []],
      ['""', []],
      ["-", []],
    ])("%s", async (query, found) => {
      const expected = found.map((n) => POSTS[n]).reverse();
      expect(await texts(query)).toEqual(expected);
      expect(await texts(query.normalize("NFD"))).toEqual(expected);
    });

    test("account_id keeps one author's", async () => {
      expect(await texts("quick", `&account_id=${bob.id}`)).toEqual([POSTS[1]]);
    });

    test("images are found by has:, by their description, and replies by is:", async () => {
      const form = new FormData();
      form.set("file", new Blob([PIXEL], { type: "image/png" }), "a.png");
      form.set("description", "a sleeping walrus");
      const { body } = await alice.client.ask<{ id: string }>("POST", "/api/v2/media", form);
      const { id } = await alice.client.publish("look", { media_ids: [body.id] });
      await bob.client.publish("an answer", { in_reply_to_id: id });
      await ready();
      for (const query of ["has:media", "has:image", "walrus", "walrus has:media -has:video"])
        expect(await texts(query)).toEqual(["look"]);
      expect(await texts("is:reply")).toEqual(["an answer"]);
      expect(await texts("walrus -has:media")).toEqual([]);
    });

    test("what isn't public is found by its author alone", async () => {
      for (const visibility of ["unlisted", "private", "direct"])
        await alice.client.publish(`@bob_the_builder clandestine ${visibility}`, { visibility });
      await alice.client.publish("clandestine no more");
      await ready();
      expect(await texts("clandestine", "", bob)).toEqual(["clandestine no more"]);
      expect(await texts("clandestine")).toHaveLength(4);
      expect(await texts("clandestine in:public")).toEqual(["clandestine no more"]);
    });

    test("own posts, edits and deletions are seen by the next search", async () => {
      const { id } = await bob.client.publish("an ephemeral thought");
      expect(await texts("ephemeral", "", bob)).toEqual(["an ephemeral thought"]);
      await ready();
      await bob.client.put(`/api/v1/statuses/${id}`, { status: "a durable thought" });
      expect(await texts("ephemeral")).toEqual([]);
      expect(await texts("durable")).toEqual(["a durable thought"]);
      await ready();
      expect(await texts("ephemeral")).toEqual([]);
      expect(await texts("durable")).toEqual(["a durable thought"]);
      await bob.client.delete(`/api/v1/statuses/${id}`);
      expect(await texts("durable")).toEqual([]);
    });

    test("pages by offset and by ids have each post once, and end", async () => {
      const ids: string[] = [];
      for (let n = 0; n < 13; n++) ids.unshift((await alice.client.publish(`paged ${n}`)).id);
      await ready();
      const page = async (more: string) =>
        (await search("paged", `&type=statuses&limit=5${more}`)).statuses.map(({ id }) => id);
      for (const next of [
        (seen: string[]) => `&offset=${seen.length}`,
        (seen: string[]) => (seen.length === 0 ? "" : `&max_id=${seen.at(-1)}`),
      ]) {
        const seen: string[] = [];
        for (let more = await page(next(seen)); more.length > 0; more = await page(next(seen)))
          seen.push(...more);
        expect(seen).toEqual(ids);
      }
      expect(await page(`&min_id=${ids[7]}`)).toEqual(ids.slice(2, 7));
      expect(await page(`&min_id=${ids[7]}&max_id=${ids[5]}`)).toEqual([ids[6]]);
      expect(await page(`&min_id=${ids[0]}`)).toEqual([]);
      expect(await page("&offset=99999999999999999999")).toEqual([]);
    });
  });
});

describe("hashtags", () => {
  const names = async (q: string, more = "") =>
    (await search(q, `&type=hashtags${more}`)).hashtags.map(({ name }) => name);

  beforeAll(async () => {
    await alice.client.publish("#foobar");
    await bob.client.publish("#foobar #foo");
    await bob.client.publish("#fooled", { visibility: "private" });
    const { id } = await bob.client.publish("a key as it is folded");
    await sql`insert into status_tags (status_id, tag, name) values (${id}, 'theatre', 'théâtre')`.execute(
      roost.database.db,
    );
  });

  test.each(["theatre", "théâtre", "THÉÂTRE", "the\u0301a\u0302tre", "#théâ", "＃ｔｈｅａｔｒｅ"])(
    "%s",
    async (query) => expect(await names(query)).toEqual(["théâtre"]),
  );

  test("the very tag comes first, then the most used; those of posts that aren't public aren't found", async () => {
    expect(await names("＃foo")).toEqual(["foo", "foobar"]);
    expect(await names("fo")).toEqual(["foobar", "foo"]);
    expect(await names("fo", "&limit=1")).toEqual(["foobar"]);
    expect(await names("fo", "&limit=1&offset=1")).toEqual(["foo"]);
    expect(await names("fo", "&limit=1&offset=2")).toEqual([]);
  });

  test("each has an id of its own, and its uses of the last seven days", async () => {
    const { hashtags } = await search("fo", "&type=hashtags");
    const [foobar, foo] = hashtags;
    expect(foobar?.id).toMatch(/^\d+$/);
    expect(foo?.id).not.toBe(foobar?.id);
    expect((await search("foobar", "&type=hashtags")).hashtags[0]?.id).toBe(foobar?.id);
    expect(foobar?.history).toHaveLength(7);
    const today = new Date().setUTCHours(0, 0, 0, 0) / 1_000;
    expect(foobar?.history.slice(0, 2)).toEqual([
      { day: `${today}`, uses: "2", accounts: "2" },
      { day: `${today - 86_400}`, uses: "0", accounts: "0" },
    ]);
    expect(foo?.history[0]).toMatchObject({ uses: "1", accounts: "1" });
  });
});
