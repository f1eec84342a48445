/** Which addresses are the web app's, for who names HTML and who takes anything, and which are nobody's. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openRoost, type Roost } from "../composition.ts";
import { loadConfig } from "../config.ts";
import type { App } from "./app.ts";
import { buildServer } from "./server.ts";

const SLOW_MS = 120_000;
/** As a browser, curl, and an app's HTTP client ask. */
const BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const ANYTHING = "*/*";
const PROGRAM = "application/json, text/plain, */*";

let folder: string;
let roost: Roost;
let app: App;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "roost-web-"));
  chmodSync(folder, 0o755);
  roost = await openRoost(loadConfig({ DATA_DIR: folder, RATE_LIMITS: "off", LOG_LEVEL: "fatal" }).config);
  app = await buildServer(roost.api, roost.log);
}, SLOW_MS);

afterAll(async () => {
  await app?.close();
  await roost?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}, SLOW_MS);

async function ask(url: string, accept: string | null, method: "GET" | "HEAD" | "POST" = "GET") {
  const answer = await app.inject({ method, url, headers: accept === null ? {} : { accept } });
  return { status: answer.statusCode, type: `${answer.headers["content-type"]}`, body: answer.body };
}

const PAGES = ["/", "/?a=b", "/public", "/@demo", "/@demo/", "/@demo/1", "/@a.name", "/tags/cats?q=a.b"];

test.each(PAGES)("%s is a page of the app, and where only JSON is wanted, nothing", async (url) => {
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

test("files are served as what they are", async () => {
  expect(await ask("/favicon.svg", ANYTHING)).toMatchObject({ status: 200, type: "image/svg+xml" });
  expect(await ask("/index.html", ANYTHING)).toMatchObject({ status: 200 });
});
