/** Signing up and in on our pages, where mail is sent. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { simpleParser } from "mailparser";
import { SMTPServer } from "smtp-server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openRoost, type Roost } from "../../composition.ts";
import { loadConfig } from "../../config.ts";
import type { App } from "../app.ts";
import { buildServer } from "../server.ts";
import { networkOf } from "./sign-in-attempts.ts";

const SLOW_MS = 120_000;
const ORIGIN = "https://roost.test";
const PASSWORD = "a long enough password";

let folder: string;
let roost: Roost;
let app: App;
let smtp: SMTPServer;
let isSmtpDown = false;
const mails: { to: string; text: string }[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "roost-sign-up-"));
  chmodSync(folder, 0o755);
  smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    onConnect: (_, done) => done(isSmtpDown ? new Error("down") : undefined),
    onData: (stream, _, done) => {
      void simpleParser(stream).then(({ to, text = "" }) => {
        mails.push({ to: (Array.isArray(to) ? to[0]?.text : to?.text) ?? "", text });
        done();
      });
    },
  });
  await new Promise<void>((resolve) => smtp.listen(0, "127.0.0.1", resolve));
  const { port } = smtp.server.address() as AddressInfo;
  const mail = { SMTP_URL: `smtp://127.0.0.1:${port}`, MAIL_FROM: "roost@roost.test" };
  const settings = { DATA_DIR: folder, PUBLIC_URL: ORIGIN, RATE_LIMITS: "off", LOG_LEVEL: "silent", ...mail };
  roost = await openRoost(loadConfig(settings).config);
  app = await buildServer(roost.api, roost.log);
}, SLOW_MS);

afterAll(async () => {
  await app?.close();
  await roost?.[Symbol.asyncDispose]();
  await new Promise<void>((resolve) => smtp.close(() => resolve()));
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}, SLOW_MS);

describe("an address that isn't confirmed yet", () => {
  test("lets its token do nothing but ask for another mail, until the link was followed", async () => {
    const token = await signUpByApp("wren");
    const verify = () => get("/api/v1/accounts/verify_credentials", token);
    const refused = await verify();
    expect([refused.statusCode, refused.json<{ error: string }>().error]).toEqual([
      403,
      expect.stringMatching(/^Your login is missing a confirmed e-mail address/),
    ]);
    expect((await get("/oauth/sign-in", token)).statusCode).toBe(403);
    const first = linkTo("wren@example.org");
    expect((await askAgain(token)).statusCode).toBe(200);
    const second = linkTo("wren@example.org");
    expect(second).not.toBe(first);
    expect((await get(first)).statusCode).toBe(404);
    expect((await get(second)).statusCode).toBe(200);
    expect((await verify()).statusCode).toBe(200);
    expect((await get(second)).statusCode).toBe(404);
    expect((await askAgain(token)).json()).toEqual({ error: "The address is confirmed already" });
  });

  test("can be put right, unless it's no address or somebody else's", async () => {
    const token = await signUpByApp("robin");
    for (const email of ["robin", "robin@example.org\0", "a,b@example.org"])
      expect((await askAgain(token, email)).json()).toMatchObject({
        details: { email: [{ error: "ERR_INVALID" }] },
      });
    const other = await signUpByApp("jay");
    expect((await askAgain(other, "ROBIN@example.org")).json()).toMatchObject({
      details: { email: [{ error: "ERR_TAKEN" }] },
    });
    expect((await askAgain(other, "jay@example.com")).statusCode).toBe(200);
    expect((await get(linkTo("jay@example.com"))).statusCode).toBe(200);
  });

  test("isn't mailed to without end, neither by apps nor by signing in", async () => {
    const token = await signUpByApp("owl");
    const before = mails.length;
    const visit = new Visit();
    for (let i = 0; i < 4; i++) await visit.form("/oauth/sign-in", { login: "owl", password: PASSWORD });
    const answer = await askAgain(token);
    expect([answer.statusCode, Number(answer.headers["retry-after"]) > 60]).toEqual([429, true]);
    expect(mails.length - before).toBe(3);
  });

  test("takes another link from signing in", async () => {
    await signUpByApp("finch");
    const page = await new Visit().form("/oauth/sign-in", { login: "finch", password: PASSWORD });
    expect(page.body).toContain("Check your mail");
    expect((await get(linkTo("finch@example.org"))).statusCode).toBe(200);
    const answer = await new Visit().form("/oauth/sign-in", { login: "finch", password: PASSWORD });
    expect(answer.statusCode).toBe(303);
  });

  test("doesn't keep anybody from signing up while mail can't be sent", async () => {
    isSmtpDown = true;
    const token = await signUpByApp("lark");
    isSmtpDown = false;
    expect((await askAgain(token)).statusCode).toBe(200);
    expect(linkTo("lark@example.org")).toMatch(/^\/auth\/confirm/);
  });
});

describe("the pages", () => {
  test("show each mistake beside its field, and keep what was typed but the password", async () => {
    const typed = { username: "a b", email: "x@y", password: "short", next: "/there?a=1" };
    const { statusCode, body } = await new Visit().form("/oauth/sign-up", typed);
    expect(statusCode).toBe(422);
    for (const name of ["username", "email", "password", "agreement"]) {
      const input = new RegExp(`<input[^>]*name="${name}"[^>]*>`).exec(body)?.[0];
      expect(input).toContain(`aria-describedby="${name}-note"`);
      expect(input).toContain('aria-invalid="true"');
      expect(body).toMatch(new RegExp(`id="${name}-note" class="mistake">\\w`));
    }
    expect(body).toContain('value="a b"');
    expect(body).not.toContain('value="short"');
    expect(body).toContain('name="next" value="/there?a=1"');
  });

  test("signing up leads to the mail, not to a session", async () => {
    const visit = new Visit();
    const typed = { username: "page_wren", email: "page@example.org", password: PASSWORD, agreement: "1" };
    const page = await visit.form("/oauth/sign-up", typed);
    expect([page.statusCode, page.body.includes("Check your mail")]).toEqual([200, true]);
    expect(linkTo("page@example.org")).toMatch(/^\/auth\/confirm/);
  });

  test("the session's cookie is for this site alone, and no script's", async () => {
    const { headers, cookies } = await app.inject({ method: "GET", url: "/oauth/sign-in" });
    expect(cookies[0]).toMatchObject({
      name: "roost_session",
      httpOnly: true,
      secure: true,
      sameSite: "Lax",
    });
    expect(headers["content-security-policy"]).toMatch(/^default-src 'none'; style-src 'self';/);
    expect(headers["cache-control"]).toBe("no-store");
  });

  test("signing in ends the session that was there before, and takes no planted one", async () => {
    await signUpByApp("swift");
    await get(linkTo("swift@example.org"));
    const visit = new Visit();
    visit.cookie = "roost_session=planted";
    await visit.form("/oauth/sign-in", { login: "swift", password: PASSWORD });
    const first = visit.cookie;
    expect(first).not.toContain("planted");
    await visit.form("/oauth/sign-in", { login: "swift", password: PASSWORD });
    expect(visit.cookie).not.toBe(first);
    const rows = await roost.database.db
      .selectFrom("web_sessions")
      .innerJoin("accounts", "accounts.id", "web_sessions.account_id")
      .where("username", "=", "swift")
      .select(({ fn }) => fn.countAll<bigint>().as("n"))
      .execute();
    expect(rows[0]?.n).toBe(1n);
  });

  test("too long an input, or one with NUL, is told on a page", async () => {
    const long = await new Visit().form("/oauth/sign-in", { login: "x".repeat(5_000), password: "x" });
    const nul = await new Visit().form("/oauth/sign-in", { login: "a\0b", password: "\0" });
    for (const answer of [long, nul])
      expect([answer.statusCode, answer.headers["content-type"]]).toEqual([422, "text/html; charset=utf-8"]);
  });

  test.each([
    "//evil.example",
    "/\\evil.example",
    "https://evil.example",
    "/\t/evil.example",
    "evil",
    "javascript:x",
  ])("after signing in nobody is sent on to %j", async (next) => {
    const answer = await new Visit().form("/oauth/sign-in", { login: "finch", password: PASSWORD, next });
    expect([answer.statusCode, answer.headers.location]).toEqual([303, "/"]);
  });

  test("guessing is stopped for the guesser, however the name is written, and for nobody else", async () => {
    const guess = (login: string, remoteAddress: string, password = "wrong") =>
      new Visit(remoteAddress).form("/oauth/sign-in", { login, password });
    const names = ["finch", "FINCH", "@finch", " finch "];
    for (let i = 0; i < 10; i++) await guess(names[i % 4] ?? "", `2001:db8:1:2::${i}`);
    const stopped = await guess("finch", "2001:db8:1:2:ffff::1", PASSWORD);
    expect([stopped.statusCode, Number(stopped.headers["retry-after"]) > 60]).toEqual([429, true]);
    expect(stopped.body).toContain("Too many attempts");
    expect((await guess("finch", "2001:db8:1:3::1", PASSWORD)).statusCode).toBe(303);
  });

  test("trying many names from one network is stopped too; people who get in don't count", async () => {
    const ask = (login: string, password: string) =>
      new Visit("192.0.2.7").form("/oauth/sign-in", { login, password });
    for (let i = 0; i < 12; i++) expect((await ask("finch", PASSWORD)).statusCode).toBe(303);
    const statuses: number[] = [];
    for (let i = 0; i < 50; i++) statuses.push((await ask(`guess${i}`, "123456")).statusCode);
    expect(new Set(statuses)).toEqual(new Set([422]));
    expect((await ask("guess50", "123456")).statusCode).toBe(429);
  }, 30_000);
});

test.each([
  ["192.0.2.7", "192.0.2.7"],
  ["::ffff:192.0.2.7", "192.0.2.7"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["2001:0db8:0:1:2:3:4:5", "2001:db8:0:1::/64"],
  ["::1", "0:0:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
])("the network of %s is %s", (address, network) => expect(networkOf(address)).toBe(network));

/** A browser: keeps its cookie, follows nothing. */
class Visit {
  cookie = "";
  readonly #remoteAddress: string;

  constructor(remoteAddress = "192.0.2.1") {
    this.#remoteAddress = remoteAddress;
  }

  /** Opens the form, fills it in and sends it. */
  async form(url: string, fields: Record<string, string>) {
    const page = await this.#ask({ method: "GET", url });
    const csrf_token = /name="csrf_token" value="([^"]*)"/.exec(page.body)?.[1] ?? "";
    const headers = { "content-type": "application/x-www-form-urlencoded", origin: ORIGIN };
    const payload = new URLSearchParams({ csrf_token, ...fields }).toString();
    return this.#ask({ method: "POST", url, payload, headers });
  }

  async #ask(request: {
    method: "GET" | "POST";
    url: string;
    payload?: string;
    headers?: Record<string, string>;
  }) {
    const headers = { ...request.headers, cookie: this.cookie };
    const answer = await app.inject({ ...request, headers, remoteAddress: this.#remoteAddress });
    const [set] = answer.cookies;
    if (set) this.cookie = `${set.name}=${set.value}`;
    return answer;
  }
}

const get = (url: string, token?: string) =>
  app.inject({ method: "GET", url, ...(token ? { headers: { authorization: `Bearer ${token}` } } : {}) });

function post(url: string, payload: object, token?: string) {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  return app.inject({ method: "POST", url, payload, headers });
}

async function signUpByApp(username: string): Promise<string> {
  const redirect_uris = "urn:ietf:wg:oauth:2.0:oob";
  const scopes = "read write";
  const client = (await post("/api/v1/apps", { client_name: "Nest", redirect_uris, scopes })).json<object>();
  const asked = { ...client, grant_type: "client_credentials", scope: scopes };
  const { access_token } = (await post("/oauth/token", asked)).json<{ access_token: string }>();
  const fields = {
    username,
    email: `${username}@example.org`,
    password: PASSWORD,
    agreement: true,
    locale: "\0",
  };
  const made = await post("/api/v1/accounts", fields, access_token);
  expect(made.statusCode).toBe(200);
  return made.json<{ access_token: string }>().access_token;
}

const askAgain = (token: string, email?: string) => post("/api/v1/emails/confirmations", { email }, token);

/** The path of the link in the newest mail to an address. */
function linkTo(address: string): string {
  const text = mails.findLast(({ to }) => to === address)?.text ?? "";
  return /https:\/\/roost\.test(\/\S+)/.exec(text)?.[1] ?? "no link";
}
