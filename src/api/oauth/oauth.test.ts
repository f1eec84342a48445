/** Attacks on signing in and on the authorization code, and what browsers see of it. Whole flows: test/api/oauth.test.ts. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { registerAccount } from "../../accounts/register.ts";
import { suspendAccount, unsuspendAccount } from "../../accounts/suspend.ts";
import { createAccessToken } from "../../accounts/tokens.ts";
import { openRoost, type Roost } from "../../composition.ts";
import { loadConfig } from "../../config.ts";
import type { App } from "../app.ts";
import { buildServer } from "../server.ts";

const SLOW_MS = 120_000;
const ORIGIN = "http://roost.test";
const PASSWORD = "a long enough password";
const OOB = "urn:ietf:wg:oauth:2.0:oob";
const CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

let folder: string;
let roost: Roost;
let app: App;
let nest: Client;

interface Client {
  readonly client_id: string;
  readonly client_secret: string;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "roost-oauth-"));
  chmodSync(folder, 0o755);
  const settings = { DATA_DIR: folder, PUBLIC_URL: ORIGIN, RATE_LIMITS: "off", LOG_LEVEL: "fatal" };
  roost = await openRoost(loadConfig(settings).config);
  app = await buildServer(roost.api, roost.log);
  nest = await makeApp({
    client_name: "Nest",
    redirect_uris: ["myapp://callback", OOB],
    scopes: "read write",
  });
  await makeAccount("wren");
}, SLOW_MS);

afterAll(async () => {
  await app?.close();
  await roost?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}, SLOW_MS);

describe("asking for a code", () => {
  const asked = () => ({
    client_id: nest.client_id,
    redirect_uri: OOB,
    response_type: "code",
    scope: "read",
  });

  test.each<[string, Record<string, string>]>([
    ["an unknown app", { client_id: "nobody" }],
    ["NUL for an app", { client_id: "\0" }],
    ["SQL for an app", { client_id: "' or 1=1 --" }],
    ["another address", { redirect_uri: "https://evil.example/" }],
    ["an address with NUL", { redirect_uri: "myapp://callback\0" }],
    ["an address that goes on after ours", { redirect_uri: "myapp://callback.evil.example" }],
    ["no response type", { response_type: "" }],
    ["a token instead of a code", { response_type: "token" }],
    ["a scope that wasn't registered", { scope: "read push" }],
    ["an unknown scope", { scope: "read everything" }],
    ["a challenge in the clear", { code_challenge: CHALLENGE, code_challenge_method: "plain" }],
    ["a challenge without a method", { code_challenge: CHALLENGE }],
    ["a method without a challenge", { code_challenge_method: "S256" }],
    ["a challenge that is none", { code_challenge: "short", code_challenge_method: "S256" }],
    ["a challenge with NUL", { code_challenge: `${CHALLENGE.slice(1)}\0`, code_challenge_method: "S256" }],
    ["a state that is too long", { state: "x".repeat(5_000) }],
  ])("with %s leads to a page that says so, and nowhere else", async (_, changes) => {
    const visit = await signedInAs("wren");
    const answer = await visit.get("/oauth/authorize", { ...asked(), ...changes });
    expect(answer.statusCode).toBeGreaterThanOrEqual(400);
    expect(answer.statusCode).toBeLessThan(500);
    expect(answer.headers["content-type"]).toMatch(/^text\/html/);
    expect(answer.headers.location).toBeUndefined();
  });

  test("twice the same parameter is refused on a page", async () => {
    const answer = await new Visit().get(`/oauth/authorize?client_id=a&client_id=b`);
    expect([answer.statusCode, answer.headers["content-type"]]).toEqual([422, "text/html; charset=utf-8"]);
  });

  test("what an address adds doesn't become part of the decision", async () => {
    const visit = await signedInAs("wren");
    const page = await visit.get("/oauth/authorize", {
      ...asked(),
      decision: "allow",
      csrf_token: "mine",
      x: "1",
    });
    expect(page.body.match(/name="(decision|csrf_token|x)"/g)).toEqual([
      'name="csrf_token"',
      'name="decision"',
      'name="decision"',
      'name="csrf_token"',
    ]);
  });

  test("a name can't bring markup, nor turn around what follows it", async () => {
    const name = "<img src=x onerror=alert(1)>\u202egpj";
    const evil = await makeApp({ client_name: name, redirect_uris: OOB, scopes: "read" });
    const page = await (await signedInAs("wren")).get("/oauth/authorize", {
      ...asked(),
      client_id: evil.client_id,
    });
    expect(page.statusCode).toBe(200);
    expect(page.body).not.toContain("<img");
    expect(page.body).toContain("<bdi>");
    expect(page.headers["content-security-policy"]).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
  });

  test("the web app needs no registration and no consent, but PKCE and its own address", async () => {
    const web = { ...asked(), client_id: "roost-web", redirect_uri: "/login/callback", state: "s&t" };
    const pkce = { code_challenge: CHALLENGE, code_challenge_method: "S256" };
    const visit = await signedInAs("wren");
    const ask = (more: object) => visit.get("/oauth/authorize", { ...web, ...more });
    expect((await ask({})).statusCode).toBe(400);
    expect((await ask({ ...pkce, redirect_uri: `${ORIGIN}/@evil` })).statusCode).toBe(400);
    const granted = await ask(pkce);
    expect(granted.statusCode).toBe(303);
    const location = `${granted.headers.location}`;
    expect(location).toMatch(/^\/login\/callback\?code=[\w-]+&state=s%26t$/);
    const code = new URLSearchParams(location.split("?")[1]).get("code");
    const exchange = (more: object) =>
      app.inject({
        method: "POST",
        url: "/oauth/token",
        payload: {
          client_id: "roost-web",
          grant_type: "authorization_code",
          redirect_uri: "/login/callback",
          code,
          ...more,
        },
      });
    expect((await exchange({ client_secret: "guessed", code_verifier: VERIFIER })).statusCode).toBe(401);
    expect((await exchange({})).statusCode).toBe(400);
    const exchanged = await exchange({ code_verifier: VERIFIER });
    expect(exchanged.statusCode).toBe(200);
    const { access_token } = exchanged.json<{ access_token: string }>();
    const authorization = `Bearer ${access_token}`;
    const me = () => app.inject({ url: "/api/v1/accounts/verify_credentials", headers: { authorization } });
    expect((await me()).statusCode).toBe(200);
    const payload = { client_id: "roost-web", token: access_token };
    expect((await app.inject({ method: "POST", url: "/oauth/revoke", payload })).statusCode).toBe(200);
    expect((await me()).statusCode).toBe(401);
  });

  test("another app that calls itself as the web app does is asked about", async () => {
    const redirect_uri = `${ORIGIN}/login/callback`;
    const evil = await makeApp({ client_name: "Roost web", scopes: "read", redirect_uris: redirect_uri });
    const page = await (await signedInAs("wren")).get("/oauth/authorize", {
      ...asked(),
      client_id: evil.client_id,
      redirect_uri,
      code_challenge: CHALLENGE,
      code_challenge_method: "S256",
    });
    expect(page.statusCode).toBe(200);
  });

  test("asks for the password again when the app wants it, and comes back", async () => {
    const visit = await signedInAs("wren");
    const answer = await visit.get("/oauth/authorize", { ...asked(), state: "s&t", force_login: "true" });
    expect(answer.headers.location).toMatch(/^\/oauth\/sign-in\?next=/);
    expect(decodeURIComponent(`${answer.headers.location}`)).toContain("state=s%26t");
    expect(answer.headers.location).not.toContain("force_login");
  });

  test("a decision without the form's token changes nothing; to deny is told to the app", async () => {
    const visit = await signedInAs("wren");
    const fields = { ...asked(), redirect_uri: "myapp://callback", state: "a b" };
    for (const csrf_token of [undefined, "wrong", "\0"]) {
      const answer = await visit.post("/oauth/authorize", {
        ...fields,
        decision: "allow",
        ...(csrf_token ? { csrf_token } : {}),
      });
      expect([answer.statusCode, answer.headers.location]).toEqual([403, undefined]);
    }
    const csrf_token = await visit.token("/oauth/authorize", fields);
    const allowed = { ...fields, csrf_token, decision: "allow" };
    const foreign = await visit.post("/oauth/authorize", allowed, { origin: "https://evil.example" });
    expect([foreign.statusCode, foreign.headers.location]).toEqual([403, undefined]);
    for (const method of ["POST", "DELETE"] as const) {
      const answer = await visit.send(method, "/oauth/authorize", { ...fields, csrf_token });
      expect(answer.headers.location).toMatch(/^myapp:\/\/callback\?error=access_denied&.*state=a\+b$/);
    }
  });

  test("signing out from the consent page leads to signing in as somebody else, for the same app", async () => {
    const visit = await signedInAs("wren");
    const page = await visit.get("/oauth/authorize", asked());
    const next = /name="next" value="([^"]*)"/.exec(page.body)?.[1] ?? "";
    const csrf_token = await visit.token("/oauth/authorize", asked());
    const answer = await visit.post("/oauth/sign-out", { csrf_token, next });
    expect(answer.headers.location).toMatch(/^\/oauth\/sign-in\?next=%2Foauth%2Fauthorize/);
    expect((await visit.get("/oauth/authorize", asked())).statusCode).toBe(303);
  });
});

describe("exchanging a code", () => {
  test.each<[string, Record<string, string>]>([
    ["another address", { redirect_uri: "myapp://callback" }],
    ["NUL for a code", { code: "\0" }],
    ["no code", { code: "" }],
    ["a verifier that wasn't announced", { code_verifier: VERIFIER }],
  ])("with %s gives nothing", async (_, changes) => {
    const code = await codeFor("wren", {});
    const answer = await exchange({ code, ...changes });
    expect([answer.statusCode, answer.json<{ error: string }>().error]).toEqual([400, "invalid_grant"]);
    expect(answer.headers["cache-control"]).toBe("no-store");
  });

  test("by Basic credentials works; wrong ones are told so in OAuth's words", async () => {
    const code = await codeFor("wren", { code_challenge: CHALLENGE, code_challenge_method: "S256" });
    const { client_id, client_secret } = nest;
    const basic = (secret: string) => `Basic ${Buffer.from(`${client_id}:${secret}`).toString("base64")}`;
    const body = { grant_type: "authorization_code", redirect_uri: OOB, code, code_verifier: VERIFIER };
    const ask = (authorization: string) =>
      app.inject({ method: "POST", url: "/oauth/token", payload: body, headers: { authorization } });
    const refused = await ask(basic("wrong"));
    expect([refused.statusCode, refused.json<{ error: string }>().error]).toEqual([401, "invalid_client"]);
    expect(refused.headers["www-authenticate"]).toMatch(/^Basic/);
    expect((await ask(basic("\0"))).statusCode).toBe(401);
    expect((await ask(basic(client_secret))).json()).toMatchObject({ token_type: "Bearer", scope: "read" });
  });

  test("two at once: one token, and it ends, since one of the two stole the code", async () => {
    const code = await codeFor("wren", {});
    const answers = await Promise.all([exchange({ code }), exchange({ code })]);
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([200, 400]);
    const token = answers.find(({ statusCode }) => statusCode === 200)?.json<{ access_token: string }>();
    expect(await statusWith(token?.access_token ?? "")).toBe(401);
  });

  test("of an account that was suspended meanwhile gives nothing, and its session is nobody's", async () => {
    const owlId = await makeAccount("owl");
    const visit = await signedInAs("owl");
    const code = await codeFor("owl", {});
    const { token } = await createAccessToken(roost.database.db, {
      accountId: owlId,
      appId: null,
      scopes: ["read"],
    });
    expect(await statusWith(token)).toBe(200);
    await suspendAccount(roost.database.db, owlId);
    await expect.poll(() => statusWith(token)).toBe(401);
    expect((await exchange({ code })).statusCode).toBe(400);
    const query = { client_id: nest.client_id, redirect_uri: OOB, response_type: "code" };
    expect((await visit.get("/oauth/authorize", query)).headers.location).toMatch(/sign-in/);
    expect((await signIn(new Visit(), "owl")).statusCode).toBe(422);
    await unsuspendAccount(roost.database.db, owlId);
    expect(await statusWith(token)).toBe(401);
    expect((await signIn(new Visit(), "owl")).statusCode).toBe(303);
  });
});

describe("tokens of apps", () => {
  test("say whose they are whatever their scope, and nothing without one", async () => {
    const { access_token } = (await credentials("write")).json<{ access_token: string }>();
    const answer = await get("/api/v1/apps/verify_credentials", access_token);
    expect(answer.json()).toMatchObject({ name: "Nest", scopes: ["read", "write"], vapid_key: "" });
    expect(answer.json()).not.toHaveProperty("client_secret");
    const refused = await get("/api/v1/apps/verify_credentials");
    expect([refused.statusCode, refused.json()]).toEqual([401, { error: "The access token is invalid" }]);
  });

  test("can't do what takes a person, and an invalid one isn't taken for nobody", async () => {
    const { access_token } = (await credentials("read write")).json<{ access_token: string }>();
    expect((await get("/api/v1/timelines/home", access_token)).json()).toEqual({
      error: "This method requires an authenticated user",
    });
    for (const path of ["/api/v1/timelines/public", "/api/v2/instance"])
      expect((await get(path, "invalid")).statusCode).toBe(401);
    expect((await get(`/api/v1/timelines/home?access_token=${access_token}`)).statusCode).toBe(401);
  });

  test("end by their own app alone", async () => {
    const { access_token: token } = (await credentials("read")).json<{ access_token: string }>();
    const other = await makeApp({ client_name: "Cuckoo", redirect_uris: OOB });
    expect((await post("/oauth/revoke", { ...other, token })).statusCode).toBe(403);
    expect((await post("/oauth/revoke", { token })).statusCode).toBe(403);
    expect((await get("/api/v1/apps/verify_credentials", token)).statusCode).toBe(200);
    expect((await post("/oauth/revoke", { ...nest, token })).statusCode).toBe(200);
    expect((await get("/api/v1/apps/verify_credentials", token)).statusCode).toBe(401);
    expect((await post("/oauth/revoke", { ...nest, token: "\0" })).statusCode).toBe(200);
  });
});

type Fields = Record<string, unknown>;

/** A browser: keeps its cookie, follows nothing. */
class Visit {
  cookie = "";

  get(path: string, query: Record<string, string> = {}) {
    const search = new URLSearchParams(query).toString();
    return this.#ask({ method: "GET", url: search ? `${path}?${search}` : path });
  }

  post(path: string, fields: Record<string, string>, headers: Record<string, string> = {}) {
    return this.send("POST", path, fields, headers);
  }

  send(
    method: "POST" | "DELETE",
    url: string,
    fields: Record<string, string>,
    headers: Record<string, string> = {},
  ) {
    const type = { "content-type": "application/x-www-form-urlencoded", origin: ORIGIN };
    return this.#ask({
      method,
      url,
      payload: new URLSearchParams(fields).toString(),
      headers: { ...type, ...headers },
    });
  }

  async token(path: string, query: Record<string, string> = {}): Promise<string> {
    return /name="csrf_token" value="([^"]*)"/.exec((await this.get(path, query)).body)?.[1] ?? "";
  }

  async #ask(request: {
    method: "GET" | "POST" | "DELETE";
    url: string;
    payload?: string;
    headers?: Record<string, string>;
  }) {
    const answer = await app.inject({ ...request, headers: { ...request.headers, cookie: this.cookie } });
    const [set] = answer.cookies;
    if (set) this.cookie = `${set.name}=${set.value}`;
    return answer;
  }
}

async function signIn(visit: Visit, login: string, password = PASSWORD, next = "/") {
  const csrf_token = await visit.token("/oauth/sign-in");
  return visit.post("/oauth/sign-in", { csrf_token, login, password, next });
}

async function signedInAs(login: string): Promise<Visit> {
  const visit = new Visit();
  expect((await signIn(visit, login)).statusCode).toBe(303);
  return visit;
}

async function codeFor(login: string, more: Record<string, string>): Promise<string> {
  const visit = await signedInAs(login);
  const query = {
    client_id: nest.client_id,
    redirect_uri: OOB,
    response_type: "code",
    scope: "read",
    ...more,
  };
  const csrf_token = await visit.token("/oauth/authorize", query);
  const page = await visit.post("/oauth/authorize", { ...query, csrf_token, decision: "allow" });
  return /<code>([^<]*)<\/code>/.exec(page.body)?.[1] ?? "";
}

async function makeAccount(username: string): Promise<bigint> {
  const email = `${username}@example.org`;
  const input = { username, email, password: PASSWORD, agreement: true, confirmed: true };
  return (await registerAccount(roost.database.db, input)).accountId;
}

const get = (url: string, token?: string) =>
  app.inject({ method: "GET", url, ...(token ? { headers: { authorization: `Bearer ${token}` } } : {}) });
const post = (url: string, payload: Fields) => app.inject({ method: "POST", url, payload });
const makeApp = async (payload: Fields) => (await post("/api/v1/apps", payload)).json<Client>();
const exchange = (more: Fields) =>
  post("/oauth/token", { grant_type: "authorization_code", ...nest, redirect_uri: OOB, ...more });
const credentials = (scope: string) =>
  post("/oauth/token", { grant_type: "client_credentials", ...nest, scope });
const statusWith = async (token: string) =>
  (await get("/api/v1/accounts/verify_credentials", token)).statusCode;
