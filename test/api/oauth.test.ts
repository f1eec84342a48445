/** Signing in as browsers and apps do it, and as those who shouldn't get in try to. */
import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { signUp } from "../support/client.ts";
import { type RunningRoost, startRoost } from "../support/start-roost.ts";

const REDIRECT = "myapp://callback";
const PASSWORD = "a long enough password";

interface App {
  readonly client_id: string;
  readonly client_secret: string;
}

let roost: RunningRoost;
let app: App;
let password: string;

beforeAll(async () => {
  roost = await startRoost();
  const redirect_uris = `${REDIRECT} urn:ietf:wg:oauth:2.0:oob`;
  app = await json(await form("/api/v1/apps", { client_name: "Nest", redirect_uris, scopes: "read write" }));
  const { access_token } = await json<{ access_token: string }>(await credentials("read write"));
  password = PASSWORD;
  const body = { username: "wren", email: "wren@example.org", password, agreement: "true", locale: "en" };
  const made = await form("/api/v1/accounts", body, { authorization: `Bearer ${access_token}` });
  expect(made.status).toBe(200);
});

afterAll(() => roost?.[Symbol.asyncDispose]());

describe("the authorization code", () => {
  test("with PKCE leads from the app through signing in and consent to a token", async () => {
    const { code, verifier, state } = await authorize();
    expect(state).toBe("s t&te");
    const token = await json<{ access_token: string; scope: string }>(await exchange(code, verifier));
    expect(token.scope).toBe("read write");
    expect(await statusWith(token.access_token)).toBe(200);
    await form("/oauth/revoke", { ...app, token: token.access_token });
    expect(await statusWith(token.access_token)).toBe(401);
  });

  test("Ice Cubes: it registers and is exchanged by what stands in the address alone", async () => {
    const post = (path: string, query: Record<string, string>) =>
      fetch(`${roost.url}${path}?${new URLSearchParams(query)}`, { method: "POST" });
    const registered = await json<App>(
      await post("/api/v1/apps", { client_name: "Ice Cubes", redirect_uris: REDIRECT, scopes: "read write" }),
    );
    const { code, verifier: code_verifier } = await authorize(registered);
    const { client_id, client_secret } = registered;
    const grant = { grant_type: "authorization_code", client_id, client_secret, redirect_uri: REDIRECT };
    const answer = await post("/oauth/token", { ...grant, code, code_verifier });
    const token = await json<{ access_token: string; scope: string }>(answer);
    expect(token.scope).toBe("read write");
    expect(await statusWith(token.access_token)).toBe(200);
  });

  test("isn't exchanged without the verifier, with a wrong one, or by another app", async () => {
    const { code, verifier } = await authorize();
    expect((await exchange(code, null)).status).toBe(400);
    expect((await exchange(code, "x".repeat(43))).status).toBe(400);
    const other = await json<App>(
      await form("/api/v1/apps", { client_name: "Cuckoo", redirect_uris: REDIRECT, scopes: "read write" }),
    );
    expect((await exchange(code, verifier, other)).status).toBe(400);
    expect((await exchange(code, verifier)).status).toBe(200);
  });

  test("used twice ends the token that was made of it", async () => {
    const { code, verifier } = await authorize();
    const { access_token } = await json<{ access_token: string }>(await exchange(code, verifier));
    expect((await exchange(code, verifier)).status).toBe(400);
    expect(await statusWith(access_token)).toBe(401);
  });

  test("is refused when the person denies", async () => {
    const browser = new Browser();
    const { query } = await signedIn(browser);
    const consent = await browser.get(`/oauth/authorize?${query}`);
    const csrf_token = hidden(await consent.text(), "csrf_token");
    const answer = await browser.post("/oauth/authorize", {
      ...Object.fromEntries(query),
      csrf_token,
      decision: "deny",
    });
    expect(answer.headers.get("location")).toContain("error=access_denied");
  });
});

describe("who a token belongs to", () => {
  test("is told by GET and by POST, to a token with the scope profile", async () => {
    const [finch] = await signUp(roost.url, "finch");
    const token = `${finch?.client.token}`;
    const ask = (method: string, by: string) =>
      fetch(`${roost.url}/oauth/userinfo`, { method, headers: { authorization: `Bearer ${by}` } });
    for (const method of ["GET", "POST"]) {
      const answer = await ask(method, token);
      expect([method, answer.status]).toEqual([method, 200]);
      expect(await json(answer)).toMatchObject({ preferred_username: "finch" });
    }
    const { code, verifier } = await authorize();
    const { access_token } = await json<{ access_token: string }>(await exchange(code, verifier));
    expect((await ask("GET", access_token)).status).toBe(403);
  });
});

describe("who shouldn't get in", () => {
  test("no address that wasn't registered is ever redirected to", async () => {
    for (const redirect_uri of [
      "http://evil.example",
      `${REDIRECT}/more`,
      "javascript:alert(1)",
      "//evil.example",
    ]) {
      const query = new URLSearchParams({ client_id: app.client_id, redirect_uri, response_type: "code" });
      const answer = await new Browser().get(`/oauth/authorize?${query}`);
      expect([answer.status, answer.headers.get("location")]).toEqual([400, null]);
    }
  });

  test("an app gets no scope that it didn't register, and registers no address that runs code", async () => {
    expect((await credentials("read push")).status).toBe(400);
    const bad = { client_name: "Bad", redirect_uris: "javascript:alert(1)", scopes: "read" };
    expect((await form("/api/v1/apps", bad)).status).toBe(422);
  });

  test("an app for moderators registers with its scopes, and an unknown one is refused", async () => {
    const register = (scopes: string) =>
      form("/api/v1/apps", { client_name: "Desk", redirect_uris: REDIRECT, scopes });
    expect((await register("read admin:read admin:write:reports")).status).toBe(200);
    expect((await register("read admin:everything")).status).toBe(422);
  });

  test("a form from another site, or without its token, changes nothing", async () => {
    const browser = new Browser();
    const csrf_token = hidden(await (await browser.get("/oauth/sign-in")).text(), "csrf_token");
    const login = { login: "wren", password };
    expect((await browser.post("/oauth/sign-in", login)).status).toBe(403);
    const foreign = await browser.post(
      "/oauth/sign-in",
      { ...login, csrf_token },
      { origin: "http://evil.example" },
    );
    expect(foreign.status).toBe(403);
  });

  test("signing in gives the session a new id, and goes nowhere but here", async () => {
    const browser = new Browser();
    const csrf_token = hidden(await (await browser.get("/oauth/sign-in")).text(), "csrf_token");
    const before = browser.cookie;
    const answer = await browser.post("/oauth/sign-in", {
      login: "wren",
      password,
      csrf_token,
      next: "//evil.example",
    });
    expect(answer.headers.get("location")).toBe("/");
    expect(browser.cookie).not.toBe(before);
  });

  test("guessing a password is stopped", async () => {
    await signUp(roost.url, "owl");
    const browser = new Browser();
    const statuses: number[] = [];
    for (let i = 0; i < 12; i++) {
      const csrf_token = hidden(await (await browser.get("/oauth/sign-in")).text(), "csrf_token");
      statuses.push(
        (await browser.post("/oauth/sign-in", { login: "owl", password: `guess ${i}`, csrf_token })).status,
      );
    }
    expect(statuses.slice(0, 10).every((status) => status === 422)).toBe(true);
    expect(statuses.slice(-2)).toEqual([429, 429]);
  });
});

/** Keeps the cookie and follows no redirect, so that each step can be looked at. */
class Browser {
  cookie = "";

  async get(path: string): Promise<Response> {
    return this.#keep(
      await fetch(roost.url + path, { headers: { cookie: this.cookie }, redirect: "manual" }),
    );
  }

  async post(
    path: string,
    fields: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    return this.#keep(await form(path, fields, { cookie: this.cookie, origin: roost.url, ...headers }));
  }

  #keep(answer: Response): Response {
    this.cookie = answer.headers.get("set-cookie")?.split(";")[0] ?? this.cookie;
    return answer;
  }
}

async function signedIn(browser: Browser, by: App = app) {
  const verifier = randomBytes(32).toString("base64url");
  const query = new URLSearchParams({
    client_id: by.client_id,
    redirect_uri: REDIRECT,
    response_type: "code",
    scope: "read write",
    state: "s t&te",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
  });
  const asked = await browser.get(`/oauth/authorize?${query}`);
  const page = await (await browser.get(asked.headers.get("location") ?? "")).text();
  const [csrf_token, next] = [hidden(page, "csrf_token"), hidden(page, "next")];
  const answer = await browser.post("/oauth/sign-in", {
    csrf_token,
    next,
    login: "wren@example.org",
    password,
  });
  expect(answer.headers.get("location")).toBe(next);
  return { query, verifier };
}

async function authorize(by: App = app): Promise<{ code: string; verifier: string; state: string | null }> {
  const browser = new Browser();
  const { query, verifier } = await signedIn(browser, by);
  const csrf_token = hidden(await (await browser.get(`/oauth/authorize?${query}`)).text(), "csrf_token");
  const fields = { ...Object.fromEntries(query), csrf_token, decision: "allow" };
  const answer = await browser.post("/oauth/authorize", fields);
  const { searchParams } = new URL(answer.headers.get("location") ?? "");
  return { code: searchParams.get("code") ?? "", verifier, state: searchParams.get("state") };
}

function exchange(code: string, verifier: string | null, by: App = app): Promise<Response> {
  const { client_id, client_secret } = by;
  const grant = { grant_type: "authorization_code", client_id, client_secret, redirect_uri: REDIRECT, code };
  return form("/oauth/token", verifier === null ? grant : { ...grant, code_verifier: verifier });
}

function credentials(scope: string): Promise<Response> {
  const { client_id, client_secret } = app;
  return form("/oauth/token", { grant_type: "client_credentials", client_id, client_secret, scope });
}

async function statusWith(token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` };
  return (await fetch(`${roost.url}/api/v1/accounts/verify_credentials`, { headers })).status;
}

function form(path: string, fields: object, headers: Record<string, string> = {}): Promise<Response> {
  const body = new URLSearchParams(fields as Record<string, string>);
  return fetch(roost.url + path, { method: "POST", body, headers, redirect: "manual" });
}

async function json<T>(answer: Response): Promise<T> {
  return (await answer.json()) as T;
}

function hidden(page: string, name: string): string {
  const value = new RegExp(`name="${name}" value="([^"]*)"`).exec(page)?.[1] ?? "";
  return value.replaceAll("&amp;", "&").replaceAll("&#39;", "'");
}
