/** What people write, from the request to the pages: hashtags, blank posts, biographies, and how much fits. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lengthOf } from "../../web/src/compose/count.ts";
import { type SignedUp, type Status, signUp } from "../support/client.ts";
import { type RunningRoost, startRoost } from "../support/start-roost.ts";

interface Written extends Status {
  readonly spoiler_text: string;
  readonly sensitive: boolean;
  readonly tags: readonly { name: string; url: string }[];
}

interface Account {
  readonly note: string;
  readonly fields: readonly { value: string }[];
}

let roost: RunningRoost;
let alice: SignedUp;
let bob: SignedUp;

beforeAll(async () => {
  roost = await startRoost();
  [alice, bob] = (await signUp(roost.url, "alice", "Bob")) as [SignedUp, SignedUp];
});
afterAll(() => roost?.[Symbol.asyncDispose]());

const post = (body: Record<string, unknown>) => alice.client.ask<Written>("POST", "/api/v1/statuses", body);
const tagged = async (path: string) => (await alice.client.get<Status[]>(path)).map(({ id }) => id);

test("a hashtag is one tag however it is typed, and shows as it was typed", async () => {
  const typed = ["#Été", "#ete", "#ÉTÉ", "#e\u0301te\u0301", "＃ｅｔé"];
  const posts: Written[] = [];
  for (const text of typed) posts.push((await post({ status: text })).body);
  expect(posts.map(({ tags }) => tags.map(({ name }) => name))).toEqual([
    ["Été"],
    ["ete"],
    ["ÉTÉ"],
    ["été"],
    ["ｅｔé"],
  ]);
  const ids = posts.map(({ id }) => id).reverse();
  for (const asked of ["ete", "ÉTÉ", "e\u0301te\u0301", "#été", "＃ｅｔｅ"]) {
    const tag = encodeURIComponent(asked);
    expect(await tagged(`/api/v1/timelines/tag/${tag}`), asked).toEqual(ids);
    expect(await tagged(`/api/v1/timelines/tag/x?any[]=${tag}`), asked).toEqual(ids);
    expect(await tagged(`/api/v1/timelines/tag/ete?all[]=${tag}`), asked).toEqual(ids);
    expect(await tagged(`/api/v1/timelines/tag/ete?none[]=${tag}`), asked).toEqual([]);
    expect(await tagged(`/api/v1/accounts/${alice.id}/statuses?tagged=${tag}`), asked).toEqual(ids);
  }
  // What the text links is what the entity says.
  for (const { content, tags } of posts) expect(content).toContain(`href="${tags[0]?.url}"`);
  const page = await fetch(posts[0]?.tags[0]?.url ?? "");
  expect(page.status).toBe(200);
});

test("tags that a version before would have cut or overlooked", async () => {
  const { body } = await post({ status: "#ශ්\u200dරීලංකා ❤️#love #タグhttps://example.com/ #Straße #️⃣" });
  expect(body.tags.map(({ name }) => name).toSorted()).toEqual(["Straße", "love", "ශ්\u200dරීලංකා", "タグ"]);
  expect(await tagged(`/api/v1/timelines/tag/${encodeURIComponent("ශ්\u200dරීලංකා")}`)).toEqual([body.id]);
  expect(await tagged("/api/v1/timelines/tag/strasse")).toEqual([]);
});

test("a tag of signs that stand for many letters is kept, too", async () => {
  const { status, body } = await post({ status: `#${"ﷺ".repeat(150)}` });
  expect([status, body.tags.length]).toEqual([200, 1]);
  const tag = encodeURIComponent("ﷺ".repeat(150));
  expect(await tagged(`/api/v1/timelines/tag/${tag}`)).toEqual([body.id]);
});

test.each([`${"a".repeat(5_000)}`, "%00", "%23", "%ED%A0%80", "\u0301".repeat(1_000)])(
  "nothing has a tag that can't be: %.20s",
  async (tag) => {
    const answer = await alice.client.ask(
      "GET",
      `/api/v1/timelines/tag/${encodeURI(tag).replaceAll("%25", "%")}`,
    );
    expect(answer.status).toBeLessThan(500);
    if (answer.status === 200) expect(answer.body).toEqual([]);
  },
);

describe("a post", () => {
  test.each(["", "  \n", "\u200b", "\u202e", "\u2800", "\u00ad\ufeff \u3164"])(
    "that shows nothing is refused: %j",
    async (text) => {
      for (const spoiler_text of ["", text]) {
        const { status } = await post({ status: text, spoiler_text });
        expect(status).toBe(422);
      }
    },
  );

  test("with a warning alone is what the warning says, and sensitive", async () => {
    const { status, body } = await post({ spoiler_text: " #Caution " });
    expect([status, body.spoiler_text, body.sensitive]).toEqual([200, "", true]);
    expect(body.content).toContain("Caution");
    expect(body.tags.map(({ name }) => name)).toEqual(["Caution"]);
    const edited = await alice.client.put<Written>(`/api/v1/statuses/${body.id}`, {
      status: "",
      spoiler_text: "Mind the gap",
    });
    expect([edited.spoiler_text, edited.sensitive, edited.content]).toEqual([
      "",
      true,
      "<p>Mind the gap</p>",
    ]);
  });

  test("is kept without the white space around it, but for how a Japanese paragraph begins", async () => {
    const sources: string[] = [];
    for (const text of [" \n\ta b \n", "\u3000春は\u3000"]) {
      const { body } = await post({ status: text, spoiler_text: " mind " });
      const source = await alice.client.get<{ text: string; spoiler_text: string }>(
        `/api/v1/statuses/${body.id}/source`,
      );
      sources.push(`${source.spoiler_text}|${source.text}`);
    }
    expect(sources).toEqual(["mind|a b", "mind|\u3000春は"]);
  });

  test.each([
    ["https://en.wikipedia.org/wiki/Israeli–Palestinian_conflict ", "e\u0301"],
    ["看https://example.com/path，很好 ", "👨‍👩‍👧‍👦"],
    ["@bob@elsewhere.example https://sub_domain.example.com/x: ", "நி"],
    ["  \n xmpp:a@example.com magnet:?xt=urn:a #タグhttps://example.com/ ", "x"],
    ["http://www\\.google\\.com https://t.example/\u200b, ", "字"],
  ])("fits as the composer says: %j and more", async (text, sign) => {
    const options = { warning: "mind", charactersPerUrl: 23 };
    const full = text + sign.repeat(500 - lengthOf(text + sign, options) + 1);
    expect(lengthOf(full, options)).toBe(500);
    const answers = [
      await post({ status: full, spoiler_text: "mind" }),
      await post({ status: full + sign, spoiler_text: "mind" }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 422]);
  });
});

test("biographies and fields link accounts of here, hashtags and addresses", async () => {
  const note =
    "Friend of @bob and @nobody, of @BOB@elsewhere.example, not of @bobby. #Été https://example.com/L’Été";
  await alice.client.patch("/api/v1/accounts/update_credentials", {
    note,
    fields_attributes: [{ name: "With", value: "@Bob, xmpp:alice@example.com" }],
  });
  const account = await bob.client.get<Account>(`/api/v1/accounts/${alice.id}`);
  const links = (html: string) => [...html.matchAll(/href="([^"]*)"/g)].map(([, href]) => href);
  const tag = `${roost.url}/tags/${encodeURIComponent("été")}`;
  expect(links(account.note)).toEqual([`${roost.url}/@Bob`, tag, "https://example.com/L’Été"]);
  expect(links(account.fields[0]?.value ?? "")).toEqual([`${roost.url}/@Bob`, "xmpp:alice@example.com"]);
});
