/** Input that is wrong, on purpose or not: a 4xx with a sentence, never a 5xx, and nothing has changed. */
import { connect } from "node:net";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, appToken, Client, type SignedUp, type Status, signUp } from "../support/client.ts";
import { type RunningRoost, startRoost } from "../support/start-roost.ts";

let roost: RunningRoost;
let alice: SignedUp;
let bob: SignedUp;
let status: Status;

beforeAll(async () => {
  roost = await startRoost();
  const [first, second] = await signUp(roost.url, "alice", "bob");
  if (!first || !second) throw new Error("two accounts were asked for");
  [alice, bob] = [first, second];
  status = await alice.client.publish("The only post");
});
afterAll(() => roost?.[Symbol.asyncDispose]());

const JSON_BODY = { "content-type": "application/json" };
const STATUSES = "/api/v1/statuses";
const HOME = "/api/v1/timelines/home";
const nested = (levels: number) => `{"status":${"[".repeat(levels)}${"]".repeat(levels)}}`;
const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from(part))));

function upload(content: Uint8Array<ArrayBuffer> | string, type = "image/png"): FormData {
  const form = new FormData();
  form.append("file", new Blob([content], { type }), "picture.png");
  return form;
}

type Ask = () => Promise<Answer>;

async function expectRefused(ask: Ask, expected: number[]): Promise<void> {
  const homeOf = async () => JSON.stringify(await alice.client.home());
  const before = await homeOf();
  const answer = await ask();
  expect(expected, `${answer.status} ${JSON.stringify(answer.body).slice(0, 300)}`).toContain(answer.status);
  const { error } = answer.body as { error?: unknown };
  expect(typeof error, "the answer carries a sentence").toBe("string");
  expect(`${error}`.length).toBeGreaterThan(3);
  expect(await homeOf(), "nothing has changed").toBe(before);
}

const cases: [string, number[], Ask][] = [
  ["a text that is too long", [422], () => post({ status: "x".repeat(501) })],
  ["a text of a megabyte", [413, 422], () => post({ status: "x".repeat(1_000_000) })],
  ["an empty text", [422], () => post({ status: "  \n " })],
  ["a text that is no text", [422], () => post({ status: { a: 1 } })],
  ["JSON of 5 MB", [413], () => raw(`{"status":"${"x".repeat(5_000_000)}"}`)],
  ["JSON 100,000 levels deep", [400, 413, 422], () => raw(nested(100_000))],
  ["broken JSON", [400], () => raw('{"status":')],
  ["JSON that is a number", [400, 422], () => raw("42")],
  ["a prototype in JSON", [400, 422], () => raw('{"status":"x","__proto__":{"a":1}}')],
  ["invalid UTF-8 in JSON", [400, 422], () => raw(bytes('{"status":"', [0xc3, 0x28], '"}'))],
  ["invalid UTF-8 in a form", [400, 422], () => form("status=%C3%28")],
  ["a form nested 1,000 levels", [400, 422], () => form(`status${"[a]".repeat(1_000)}=x`)],
  [
    "an unknown content type",
    [415],
    () => alice.client.ask("POST", STATUSES, "x", { "content-type": "x/y" }),
  ],
  ["an unknown visibility", [422], () => post({ status: "x", visibility: "secret" })],
  ["an impossible language", [422], () => post({ status: "x", language: "<script>" })],
  ["a language of 100,000 letters", [422], () => post({ status: "x", language: "e".repeat(100_000) })],
  ["10,000 media in JSON", [422], () => post({ status: "x", media_ids: Array(10_000).fill("1") })],
  ["10,000 media in a form", [422], () => form(`status=x${"&media_ids[]=1".repeat(10_000)}`)],
  ["a form nested 50 levels", [422], () => form(`status=x&media_attributes${"[a]".repeat(50)}=1`)],
  ["an address nested 50 levels", [422], () => alice.client.ask("GET", `${HOME}?a${"[a]".repeat(50)}=1`)],
  ["a reply to nothing", [404, 422], () => post({ status: "x", in_reply_to_id: "1" })],
  [
    "a reply to an id over 63 bits",
    [400, 404, 422],
    () => post({ status: "x", in_reply_to_id: "9".repeat(30) }),
  ],
  ["media that don't exist", [404, 422], () => post({ status: "x", media_ids: ["1", "2"] })],
  ["a poll", [422], () => post({ status: "x", poll: { options: ["a", "b"], expires_in: 60 } })],
  ["an unknown status", [404], () => alice.client.ask("GET", `${STATUSES}/1`)],
  ["a status id over 63 bits", [404], () => alice.client.ask("GET", `${STATUSES}/${1n << 63n}`)],
  ["a status id that is none", [404], () => alice.client.ask("GET", `${STATUSES}/%27%20or%201%3D1`)],
  ["an unknown account", [404], () => alice.client.ask("GET", "/api/v1/accounts/1")],
  ["a cursor that is no id", [400], () => alice.client.ask("GET", `${HOME}?max_id=abc`)],
  ["a negative cursor", [400], () => alice.client.ask("GET", `${HOME}?min_id=-1`)],
  ["a cursor over 63 bits", [400], () => alice.client.ask("GET", `${HOME}?since_id=${1n << 63n}`)],
  ["a cursor twice", [400, 422], () => alice.client.ask("GET", `${HOME}?max_id=1&max_id=2`)],
  ["a cursor with NUL", [400], () => alice.client.ask("GET", `${HOME}?max_id=1%00`)],
  ["no token", [401], () => new Client(roost.url, null).ask("GET", HOME)],
  ["a wrong token", [401], () => new Client(roost.url, "wrong").ask("GET", HOME)],
  ["a token of 10 kB", [401], () => new Client(roost.url, "t".repeat(10_000)).ask("GET", HOME)],
  [
    "an app's own token",
    [403, 422],
    async () => new Client(roost.url, await appToken(roost.url)).ask("GET", HOME),
  ],
  ["deleting someone else's status", [403, 404], () => bob.client.ask("DELETE", `${STATUSES}/${status.id}`)],
  [
    "editing someone else's status",
    [403, 404],
    () => bob.client.ask("PUT", `${STATUSES}/${status.id}`, { status: "Mine now" }),
  ],
  [
    "the source of someone else's status",
    [403, 404],
    () => bob.client.ask("GET", `${STATUSES}/${status.id}/source`),
  ],
  ["following oneself", [403, 422], () => relate("follow", alice)],
  ["blocking oneself", [403, 422], () => relate("block", alice)],
  ["muting oneself", [403, 422], () => relate("mute", alice)],
  ["muting for minus a second", [422], () => relate("mute", bob, { duration: -1 })],
  [
    "accepting a request that nobody made",
    [404],
    () => alice.client.ask("POST", `/api/v1/follow_requests/${bob.id}/authorize`),
  ],
  ["a list without a title", [422], () => alice.client.ask("POST", "/api/v1/lists", { title: " " })],
  ["someone else's list", [404], () => bob.client.ask("GET", "/api/v1/lists/1")],
  ["a path that doesn't exist", [404], () => alice.client.ask("GET", "/api/v1/nothing")],
  ["a method that doesn't exist", [404, 405], () => alice.client.ask("PATCH", HOME, {})],
  ["an image that is none", [422], () => media(upload("this is text"))],
  ["an empty image", [422], () => media(upload(""))],
  ["an image cut short", [422], async () => media(upload((await picture(64, 64)).subarray(0, 60)))],
  ["SVG", [422], () => media(upload('<svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml"))],
  ["an upload without a file", [422], () => media(new FormData())],
  ["a malformed multipart body", [400], () => multipart("--b\r\nContent-Disposition: form-data; name=")],
  [
    "a multipart body without an end",
    [400],
    () => multipart('--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx'),
  ],
];

const post = (body: object) => alice.client.ask("POST", STATUSES, body);
const raw = (body: string | Uint8Array) => alice.client.ask("POST", STATUSES, body, JSON_BODY);
const form = (body: string) =>
  alice.client.ask("POST", STATUSES, body, { "content-type": "application/x-www-form-urlencoded" });
const relate = (what: string, target: SignedUp, body: object = {}) =>
  alice.client.ask("POST", `/api/v1/accounts/${target.id}/${what}`, body);
const media = (body: FormData) => alice.client.ask("POST", "/api/v2/media", body);
const multipart = (body: string) =>
  alice.client.ask("POST", "/api/v2/media", body, { "content-type": "multipart/form-data; boundary=b" });

async function picture(width: number, height: number): Promise<Buffer<ArrayBuffer>> {
  const image = sharp({
    create: { width, height, channels: 3, background: "#808080" },
    limitInputPixels: false,
  });
  return Buffer.from(await image.png({ compressionLevel: 9 }).toBuffer());
}

describe("refused, with a sentence and without a trace", () => {
  test.each(cases)("%s", async (_, expected, ask) => expectRefused(ask, expected));

  test("an image of 200 megapixels, small as a file", async () => {
    const bomb = await picture(20_000, 10_000);
    expect(bomb.length).toBeLessThan(2_000_000);
    await expectRefused(() => media(upload(bomb)), [413, 422]);
  });

  test("a token without the scope", async () => {
    const nobody = new Client(roost.url, null);
    const app = await nobody.post<{ client_id: string; client_secret: string }>("/api/v1/apps", {
      client_name: "Reader",
      redirect_uris: "urn:ietf:wg:oauth:2.0:oob",
      scopes: "read write:accounts",
    });
    const { access_token } = await nobody.post<{ access_token: string }>("/oauth/token", {
      grant_type: "client_credentials",
      client_id: app.client_id,
      client_secret: app.client_secret,
      scope: "read write:accounts",
    });
    const { access_token: readers } = await new Client(roost.url, access_token).post<{
      access_token: string;
    }>("/api/v1/accounts", {
      username: "carol",
      email: "carol@example.org",
      password: "correct horse battery",
      agreement: true,
    });
    const carol = new Client(roost.url, readers);
    expect((await carol.ask("GET", HOME)).status).toBe(200);
    await expectRefused(() => carol.ask("POST", STATUSES, { status: "x" }), [403]);
    await expectRefused(() => carol.ask("POST", `/api/v1/accounts/${alice.id}/follow`, {}), [403]);
  });

  test("a token that was revoked", async () => {
    const nobody = new Client(roost.url, null);
    const app = await nobody.post<{ client_id: string; client_secret: string }>("/api/v1/apps", {
      client_name: "Leaver",
      redirect_uris: "urn:ietf:wg:oauth:2.0:oob",
      scopes: "read",
    });
    const credentials = { client_id: app.client_id, client_secret: app.client_secret };
    const { access_token } = await nobody.post<{ access_token: string }>("/oauth/token", {
      ...credentials,
      grant_type: "client_credentials",
      scope: "read",
    });
    const client = new Client(roost.url, access_token);
    expect((await client.ask("GET", "/api/v1/apps/verify_credentials")).status).toBe(200);
    await nobody.post("/oauth/revoke", { ...credentials, token: access_token });
    await expectRefused(() => client.ask("GET", "/api/v1/apps/verify_credentials"), [401]);
  });
});

describe("taken, and harmless", () => {
  test.each([
    ["a script", "<script>alert(1)</script>", /<script/i],
    ["an event handler", '<img src=x onerror="alert(1)">', /<img/i],
    ["a link that is code", '<a href="javascript:alert(1)">x</a>', /href="javascript/i],
    ["an address that is code", "javascript:alert(1)//http://example.org", /href="javascript/i],
    ["markup in an address", 'https://example.org/"onmouseover="alert(1)', /"onmouseover="/i],
  ])("%s in a post is text", async (_, text, forbidden) => {
    const made = await bob.client.publish(text);
    const tags = made.content.match(/<[^>]*>/g)?.join("") ?? "";
    expect(tags).not.toMatch(forbidden);
    const read = await bob.client.get<Status>(`${STATUSES}/${made.id}`);
    expect(read.content).toBe(made.content);
  });

  test("NUL in a post is refused or left out, never kept", async () => {
    const answer = await bob.client.ask<Status>("POST", STATUSES, { status: "a\u0000b" });
    expect([200, 400, 422]).toContain(answer.status);
    if (answer.status === 200) expect(JSON.stringify(answer.body)).not.toContain("\\u0000");
  });

  test("half of a surrogate pair in a post", async () => {
    const answer = await bob.client.ask<Status>("POST", STATUSES, '{"status":"a\\ud800b"}', JSON_BODY);
    expect([200, 400, 422]).toContain(answer.status);
  });

  test.each(["0", "-1", "1.5", "many", "Infinity", "", "9".repeat(400), "9".repeat(20)])(
    "a limit or an offset of %.30j is a page",
    async (text) => {
      for (const path of [
        `${HOME}?limit=${text}`,
        `/api/v1/accounts/search?q=bob&limit=${text}&offset=${text}`,
        `/api/v2/search?q=bob&limit=${text}&offset=${text}`,
        `/api/v1/notifications/unread_count?limit=${text}`,
      ])
        expect((await alice.client.ask("GET", path)).status, path).toBe(200);
    },
  );

  test("bytes that are no HTTP", async () => {
    const { port } = new URL(roost.url);
    for (const sent of ["\u0000\u0001\u0002\r\n\r\n", `GET ${"/x".repeat(50_000)} HTTP/1.1\r\n\r\n`]) {
      const answer = await new Promise<string>((resolve, reject) => {
        const socket = connect(Number(port), "localhost", () => socket.write(sent));
        let told = "";
        socket.on("data", (chunk) => {
          told += chunk.toString();
        });
        socket.on("close", () => resolve(told));
        socket.on("error", (error: NodeJS.ErrnoException) => {
          // It answered and closed while we were still sending.
          if (error.code === "ECONNRESET" || error.code === "EPIPE") resolve(told);
          else reject(error);
        });
        socket.setTimeout(10_000, () => socket.destroy(new Error("the server neither answers nor closes")));
      });
      expect(answer).not.toMatch(/^HTTP\/1\.1 5/);
    }
  });

  test("the server is still there", async () => {
    expect((await new Client(roost.url, null).ask("GET", "/readyz")).status).toBe(200);
    expect(roost.output()).not.toMatch(/a bug: an error that nothing expected/);
  });
});

test.each(["/livez?x=%ff", "/api/v1/timelines/home?max_id=%C3%28", "/%C3%28"])(
  "invalid UTF-8 in an address is refused, and doesn't end the server: %s",
  async (path) => {
    // A server of its own: what ends it would hide everything else.
    await using own = await startRoost();
    const answer = await new Client(own.url, null).ask("GET", path).catch((error: unknown) => `${error}`);
    expect((await new Client(own.url, null).ask("GET", "/livez").catch(() => null))?.status).toBe(200);
    expect(answer).toMatchObject({ status: expect.toSatisfy((code: number) => code >= 400 && code < 500) });
  },
);
