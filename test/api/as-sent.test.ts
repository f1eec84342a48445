/** Input means what the API says it means, by whatever way a client sends it: what comes of it, seen from outside. */
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Client, type SignedUp, type Status, signUp } from "../support/client.ts";
import { nest, WAYS } from "../support/operations.ts";
import { type RunningRoost, startRoost } from "../support/start-roost.ts";

let roost: RunningRoost;
let alice: SignedUp;
let bob: SignedUp;

beforeAll(async () => {
  roost = await startRoost();
  const [first, second] = await signUp(roost.url, "alice", "bob");
  if (!first || !second) throw new Error("two accounts were asked for");
  [alice, bob] = [first, second];
});
afterAll(() => roost?.[Symbol.asyncDispose]());

const STATUSES = "/api/v1/statuses";
const ME = "/api/v1/accounts/verify_credentials";
const UPDATE = "/api/v1/accounts/update_credentials";
const JSON_BODY = { "content-type": "application/json" };

type Pairs = [string, string][];
type Relationship = Record<"following" | "showing_reblogs" | "notifying" | "note", unknown>;
const to = (who: SignedUp, what: string) => `/api/v1/accounts/${who.id}/${what}`;

async function sendBy(way: string, method: string, path: string, pairs: Pairs) {
  const { query, body, type } = (await WAYS[way]?.(pairs)) ?? {};
  return alice.client.ask<Status>(
    method,
    query ? `${path}?${query}` : path,
    body,
    type ? { "content-type": type } : {},
  );
}

describe("nothing asked to be private is public because of how it was sent", () => {
  const said = { status: "Between us", visibility: "private" };
  const inJson = (body: object, query = "") =>
    alice.client.ask<Status>("POST", `${STATUSES}${query}`, JSON.stringify(body), JSON_BODY);
  const whole = (way: string) => () => sendBy(way, "POST", STATUSES, Object.entries(said));
  const blob = () => {
    const form = new FormData();
    form.append("status", said.status);
    form.append("visibility", new Blob(["private"], { type: "text/plain" }), "visibility.txt");
    return alice.client.ask<Status>("POST", STATUSES, form);
  };
  const partInJson = () => {
    const body = ["status", "visibility"].map(
      (name) =>
        `--b\r\nContent-Disposition: form-data; name="${name}"\r\nContent-Type: application/json\r\n\r\n` +
        `${JSON.stringify(said[name as keyof typeof said])}\r\n`,
    );
    const type = { "content-type": "multipart/form-data; boundary=b" };
    return alice.client.ask<Status>("POST", STATUSES, `${body.join("")}--b--\r\n`, type);
  };

  test.each<[string, () => Promise<{ status: number; body: Status }>]>([
    ["all in the address", whole("address")],
    ["all in a form", whole("form")],
    ["all in a multipart body", whole("multipart")],
    ["all in JSON", () => inJson(said)],
    ["the text in JSON, the rest in the address", () => inJson({ status: "x" }, "?visibility=private")],
    [
      "null in JSON, private in the address",
      () => inJson({ status: "x", visibility: null }, "?visibility=private"),
    ],
    [
      "nothing in JSON, private in the address",
      () => inJson({ status: "x", visibility: "" }, "?visibility=private"),
    ],
    ["the text in the address, the rest in JSON", () => inJson({ visibility: "private" }, "?status=x")],
    ["public in the address, private in JSON", () => inJson(said, "?visibility=public")],
    ["with the text as a number", () => inJson({ ...said, status: 12345678901234567890n.toString() })],
    ["parts that are JSON", partInJson],
    [
      "as a list",
      () =>
        sendBy("form", "POST", STATUSES, [
          ["status", "x"],
          ["visibility[]", "private"],
        ]),
    ],
    [
      "twice",
      () =>
        sendBy("form", "POST", STATUSES, [
          ["status", "x"],
          ["visibility", "private"],
          ["visibility", "public"],
        ]),
    ],
    ["as a list in JSON", () => inJson({ status: "x", visibility: ["private"] })],
    ["in capitals", () => inJson({ status: "x", visibility: "PRIVATE" })],
    ["as a file", blob],
  ])("%s", async (_, send) => {
    const { status, body } = await send();
    expect([200, 422], JSON.stringify(body)).toContain(status);
    if (status === 200) expect(body.visibility).toBe("private");
    const seen = await new Client(roost.url, null).get<Status[]>(to(alice, "statuses"));
    expect(seen).toEqual([]);
  });

  test("by ways that are understood it is posted", async () => {
    for (const way of Object.keys(WAYS))
      expect(await sendBy(way, "POST", STATUSES, Object.entries(said))).toMatchObject({ status: 200 });
  });
});

describe.each(Object.keys(WAYS))("parameters by way of %s", (way) => {
  test("follow without boosts, and what isn't given stays", async () => {
    await sendBy(way, "POST", to(bob, "follow"), [
      ["reblogs", "false"],
      ["notify", "true"],
    ]);
    const [relation] = await alice.client.get<Relationship[]>(`/api/v1/accounts/relationships?id=${bob.id}`);
    expect(relation).toMatchObject({ following: true, showing_reblogs: false, notifying: true });
    const given = { reblogs: null, notify: null };
    const after = await alice.client.post<Relationship>(to(bob, "follow"), given);
    expect(after).toMatchObject({ showing_reblogs: false, notifying: true });
    await alice.client.post(to(bob, "unfollow"));
  });

  test("a note on an account is kept", async () => {
    const { body } = await sendBy(way, "POST", to(bob, "note"), [["comment", `by ${way}`]]);
    expect(body).toMatchObject({ note: `by ${way}` });
  });

  test("the fields of a profile, as lists of Rails", async () => {
    const fields = [
      ["site", "a"],
      ["pronouns", "b"],
    ] as const;
    const pairs = fields.flatMap(
      ([name, value]): Pairs => [
        ["fields_attributes[][name]", name],
        ["fields_attributes[][value]", value],
      ],
    );
    const { body } = await sendBy(way, "PATCH", UPDATE, pairs);
    expect(body).toMatchObject({
      fields: fields.map(([name, value]) => ({ name, value: expect.stringContaining(value) })),
    });
  });
});

describe("ids as JSON numbers", () => {
  test("a marker is where it was set", async () => {
    const { id } = await alice.client.publish("Read until here", { visibility: "private" });
    const body = `{"home":{"last_read_id":${id}}}`;
    const { body: set } = await alice.client.ask("POST", "/api/v1/markers", body, JSON_BODY);
    expect(set).toMatchObject({ home: { last_read_id: id } });
  });

  test("what is no exact id is refused, and leaves the marker", async () => {
    const before = await alice.client.get("/api/v1/markers?timeline=home");
    for (const number of ["1.5", "1e300", "-1", "99999999999999999999999999999"]) {
      const body = `{"home":{"last_read_id":${number}}}`;
      const { status } = await alice.client.ask("POST", "/api/v1/markers", body, JSON_BODY);
      expect([400, 422]).toContain(status);
    }
    expect(await alice.client.get("/api/v1/markers?timeline=home")).toEqual(before);
  });
});

describe("clients that exist", () => {
  test("tut: an Authorization header without a token is as none", async () => {
    for (const authorization of ["Bearer ", "Bearer", "bearer   "]) {
      const ask = (path: string) =>
        new Client(roost.url, null).ask("GET", path, undefined, { authorization });
      expect((await ask("/api/v1/instance")).status).toBe(200);
      expect((await ask("/api/v1/timelines/public")).status).toBe(200);
      expect((await ask("/api/v1/timelines/home")).status).toBe(401);
    }
  });

  test("toot: an account's timeline by Python's True and False; only what is documented as false is", async () => {
    const question = await alice.client.publish("What do you think?");
    const { id } = await bob.client.publish("A thought");
    const reply = await bob.client.publish("Not much", { in_reply_to_id: question.id });
    const shown = async (exclude: string) => {
      const path = `${to(bob, "statuses")}?limit=20&exclude_replies=${exclude}&exclude_reblogs=${exclude}`;
      return (await alice.client.get<Status[]>(path)).map((status) => status.id);
    };
    // Mastodon, too, takes "False" as true.
    for (const exclude of ["True", "true", "1", "t", "on", "False"])
      expect(await shown(exclude)).toEqual([id]);
    for (const exclude of ["false", "FALSE", "0", "f", "F", "off", "OFF", ""])
      expect(await shown(exclude)).toEqual([reply.id, id]);
  });
});

describe("what can't be honoured is refused", () => {
  test.each<[string, string, object]>([
    ["POST", STATUSES, { status: "x", poll: { options: ["a", "b"], expires_in: 60 } }],
    ["POST", STATUSES, { status: "x", scheduled_at: "2030-01-01T00:00:00Z" }],
    ["POST", STATUSES, { status: "x", quoted_status_id: "1" }],
    ["POST", STATUSES, { status: "x", quote_approval_policy: "public" }],
    ["PATCH", UPDATE, { attribution_domains: ["example.org"] }],
    ["PATCH", UPDATE, { avatar_description: "A cat" }],
    ["PATCH", UPDATE, { source: { quote_policy: "nobody" } }],
  ])("%s %s %j", async (method, path, body) => {
    const before = await alice.client.get(ME);
    const { status, body: answer } = await alice.client.ask(method, path, body);
    expect(status).toBe(422);
    expect(answer).toEqual({ error: expect.stringMatching(/aren't supported|isn't supported/) });
    expect(await alice.client.get(ME)).toEqual(before);
  });

  test("following only some languages; following all is what it does anyway", async () => {
    const follow = (languages: string[]) => alice.client.ask("POST", to(bob, "follow"), { languages });
    expect((await follow(["de"])).status).toBe(422);
    expect((await follow([])).status).toBe(200);
    await alice.client.post(to(bob, "unfollow"));
  });
});

describe("languages", () => {
  const publish = (language: unknown) =>
    alice.client.ask<{ language: string | null }>("POST", STATUSES, {
      status: "x",
      visibility: "private",
      language,
    });

  test.each([
    ["en_US", "en"],
    ["DE", "de"],
    ["zh-tw", "zh-TW"],
    ["pt-BR", "pt"],
    // As not given: what the account was signed up with.
    ["", "en"],
    [null, "en"],
  ])("%j of a post is %j", async (sent, language) => {
    expect(await publish(sent)).toMatchObject({ status: 200, body: { language } });
  });

  test.each([["klingon"], ["xx"], ["e".repeat(100_000)], ["en'--"]])(
    "%.20j is refused, also as a setting",
    async (sent) => {
      expect((await publish(sent)).status).toBe(422);
      const before = await alice.client.get(ME);
      expect((await alice.client.ask("PATCH", UPDATE, nest(["source", "language"], sent))).status).toBe(422);
      expect(await alice.client.get(ME)).toEqual(before);
    },
  );

  test("a default is normalised when it is set, and taken away by nothing", async () => {
    const set = (language: unknown) =>
      alice.client.patch<{ source: { language: string | null } }>(UPDATE, { source: { language } });
    expect((await set("en_US")).source.language).toBe("en");
    expect(await publish(undefined)).toMatchObject({ status: 200, body: { language: "en" } });
    expect((await set("")).source.language).toBeNull();
    expect((await set("de")).source.language).toBe("de");
    expect((await set(null)).source.language).toBeNull();
  });

  test.each([
    ["en_US", "en"],
    ["<nonsense>", null],
  ])("a default of %j that is stored never stops a post", async (stored, language) => {
    await using database = new Closing(await roost.database());
    await database.connect();
    await database.query("update accounts set default_language = $1 where id = $2", [stored, alice.id]);
    // Whoever has the account in a cache forgets it.
    await alice.client.patch(UPDATE, { note: `Stored ${stored}` });
    expect(await publish(undefined)).toMatchObject({ status: 200, body: { language } });
    expect(await alice.client.get(ME)).toMatchObject({ source: { language } });
    expect(await alice.client.get("/api/v1/preferences")).toMatchObject({
      "posting:default:language": language,
    });
  });
});

class Closing extends pg.Client implements AsyncDisposable {
  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}
