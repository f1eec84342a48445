/** Which addresses are the web app's, for who names HTML and who takes anything, and which are nobody's. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { routeOf } from "../../web/src/navigation/routes.ts";
import { registerAccount } from "../accounts/register.ts";
import { suspendAccount } from "../accounts/suspend.ts";
import { createAccessToken } from "../accounts/tokens.ts";
import { openRoost, type Roost } from "../composition.ts";
import { loadConfig } from "../config.ts";
import type { AccountId } from "../core/ids.ts";
import type { App } from "./app.ts";
import { buildServer } from "./server.ts";
import { accountPage, isFixedPage } from "./web-pages.ts";

const SLOW_MS = 120_000;
/** As a browser, curl, and an app's HTTP client ask. */
const BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const ANYTHING = "*/*";
const PROGRAM = "application/json, text/plain, */*";

let folder: string;
let roost: Roost;
let app: App;
let wrenId: AccountId | undefined;
let postId: string;
let privateId: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "roost-web-"));
  chmodSync(folder, 0o755);
  roost = await openRoost(loadConfig({ DATA_DIR: folder, RATE_LIMITS: "off", LOG_LEVEL: "fatal" }).config);
  app = await buildServer(roost.api, roost.log);
  postId = await post("public");
  privateId = await post("private");
}, SLOW_MS);

/** By "wren", who is made with the first. */
async function post(visibility: "public" | "private"): Promise<string> {
  const { database } = roost;
  wrenId ??= await makeAccount("wren");
  const { token } = await createAccessToken(database.db, {
    accountId: wrenId,
    appId: null,
    scopes: ["write"],
  });
  const answer = await app.inject({
    method: "POST",
    url: "/api/v1/statuses",
    headers: { authorization: `Bearer ${token}` },
    payload: { status: "Hello", visibility },
  });
  return answer.json<{ id: string }>().id;
}

async function makeAccount(username: string): Promise<AccountId> {
  const registration = { username, email: `${username}@example.org`, password: "a long enough password" };
  const rest = { agreement: true, locale: "en", confirmed: true } as const;
  return (await registerAccount(roost.database.db, { ...registration, ...rest })).accountId;
}

afterAll(async () => {
  await app?.close();
  await roost?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}, SLOW_MS);

async function ask(url: string, accept: string | null, method: "GET" | "HEAD" | "POST" = "GET") {
  const answer = await app.inject({ method, url, headers: accept === null ? {} : { accept } });
  return { status: answer.statusCode, type: `${answer.headers["content-type"]}`, body: answer.body };
}

const PAGES = [
  "/",
  "/?a=b",
  "/public",
  "/@wren",
  "/@WREN/",
  "/@wren@localhost:3000/followers",
  "/@wren/POST",
  "/tags/cats?q=a.b",
  "/settings/profile",
];

test.each(PAGES)("%s is a page of the app, and where only JSON is wanted, nothing", async (path) => {
  const url = path.replace("POST", postId);
  for (const accept of [BROWSER, ANYTHING, "text/*", null]) {
    const page = await ask(url, accept);
    expect(page, `${accept}`).toMatchObject({ status: 200, type: "text/html" });
    expect(page.body).toContain("<title>Roost</title>");
    expect(await ask(url, accept, "HEAD")).toEqual({ ...page, body: "" });
  }
  for (const accept of ["application/json", PROGRAM])
    expect(await ask(url, accept)).toMatchObject({ status: 404, type: expect.stringContaining("json") });
  expect((await ask(url, ANYTHING, "POST")).status).toBe(404);
});

const NOT_THERE = [
  "/@nobody",
  "/@nobody/followers",
  "/@wren.rss",
  "/@wren/1",
  "/@wren/nothing",
  "/@wren/PRIVATE",
  "/@finch/POST",
  "/@gone",
  "/@gone@elsewhere.example",
  "/nothing",
  "/home/nothing",
  "/wp-login",
];

test.each(NOT_THERE)("%s isn't there: the app says so, with 404", async (path) => {
  wrenId ??= await makeAccount("wren");
  if (path === "/@gone") await suspendAccount(roost.database.db, await makeAccount("gone"));
  const page = await ask(path.replace("POST", postId).replace("PRIVATE", privateId), BROWSER);
  expect(page).toMatchObject({ status: 404, type: "text/html" });
  expect(page.body).toContain("<title>Roost</title>");
});

test("the server and the web app have the same pages", () => {
  const paths = [
    "",
    "home",
    "public",
    "explore",
    "notifications",
    "bookmarks",
    "favourites",
    "lists",
    "about",
  ];
  const more = ["follow-requests", "signup", "login", "login/callback", "search", "search/a", "compose"];
  const deeper = [
    "compose/a",
    "tags/a",
    "tags",
    "tags/a/b",
    "lists/1",
    "lists/1/2",
    "settings",
    "settings/a",
  ];
  const odd = ["settings/a/b", "login/a", "nothing", "@", "home/a", "about/a"];
  for (const path of [...paths, ...more, ...deeper, ...odd].map((one) => `/${one}`))
    expect([path, isFixedPage(path)]).toEqual([path, routeOf(path).page !== "missing"]);
  for (const path of ["/@a", "/@a/1", "/@a/media", "/@a/with_replies", "/@a/following", "/@a/b", "/@a/1/2"])
    expect([path, accountPage(path) !== null]).toEqual([path, routeOf(path).page !== "missing"]);
});

const NOTHING = [
  "/api/v1/nothing",
  "/api",
  "/oauth/nothing",
  "/.well-known/nothing",
  "/media/nothing",
  "/assets",
  "/assets/",
  "/assets/nothing.js",
  "/favicon.ico",
  "/robots.txt",
  "/robots.txt?a=b",
];

test.each(NOTHING)("%s is no page, for nobody", async (url) => {
  for (const accept of [BROWSER, ANYTHING, PROGRAM, null]) {
    const answer = await ask(url, accept);
    expect(answer, `${accept}`).toMatchObject({ status: 404, type: expect.stringContaining("json") });
    expect((await ask(url, accept, "HEAD")).status).toBe(404);
  }
});

test("what the build compressed is sent so to browsers that can read it, and raw to others", async () => {
  const [script] = /\/assets\/index-[\w-]+\.js/.exec((await ask("/", BROWSER)).body) ?? [];
  for (const [url, accept] of [
    ["/", BROWSER],
    [`${script}`, ANYTHING],
  ] as const) {
    const raw = await app.inject({ url, headers: { accept } });
    expect([raw.headers["content-encoding"], raw.headers.vary]).toEqual([undefined, "accept-encoding"]);
    for (const [asked, encoding] of [
      ["gzip, deflate, br", "br"],
      ["gzip", "gzip"],
      ["br;q=0, gzip;q=0.5", "gzip"],
      ["identity", undefined],
    ]) {
      const sent = await app.inject({ url, headers: { accept, "accept-encoding": `${asked}` } });
      expect([url, asked, sent.headers["content-encoding"]]).toEqual([url, asked, encoding]);
      const unpack = { br: brotliDecompressSync, gzip: gunzipSync }[`${encoding}`];
      expect((unpack ? unpack(sent.rawPayload) : sent.rawPayload).equals(raw.rawPayload)).toBe(true);
    }
  }
});

test("files are served as what they are", async () => {
  expect(await ask("/favicon.svg", ANYTHING)).toMatchObject({ status: 200, type: "image/svg+xml" });
  expect(await ask("/index.html", ANYTHING)).toMatchObject({ status: 200 });
});
