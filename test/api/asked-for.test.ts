/** What clients ask for is done, or refused: fields that used to be taken without effect. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type SignedUp, signUp } from "../support/client.ts";
import { type RunningRoost, startRoost } from "../support/start-roost.ts";

let roost: RunningRoost;
let wren: SignedUp;
let finch: SignedUp;

beforeAll(async () => {
  roost = await startRoost();
  [wren, finch] = (await signUp(roost.url, "wren", "finch")) as [SignedUp, SignedUp];
});
afterAll(() => roost?.[Symbol.asyncDispose]());

const found = async (by: SignedUp, words: string) =>
  (
    await by.client.get<{ statuses: { id: string }[] }>(`/api/v2/search?type=statuses&q=${words}`)
  ).statuses.map(({ id }) => id);

test("who isn't to be found by searching is found by nobody else, until they say otherwise", async () => {
  const { id } = await wren.client.publish("a zyxquokka on the wire");
  expect(await found(finch, "zyxquokka")).toEqual([id]);
  const change = (indexable: boolean) =>
    wren.client.ask<{ indexable: boolean }>("PATCH", "/api/v1/accounts/update_credentials", { indexable });
  expect((await change(false)).body.indexable).toBe(false);
  expect([await found(finch, "zyxquokka"), await found(wren, "zyxquokka")]).toEqual([[], [id]]);
  expect((await change(true)).body.indexable).toBe(true);
  expect(await found(finch, "zyxquokka")).toEqual([id]);
});

test("the language of a sign-up is that of posts, until the person says otherwise", async () => {
  const client_id = "roost-web";
  const json = async <Body>(path: string, body: object, token?: string) => {
    const headers = {
      "content-type": "application/json",
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    };
    const answer = await fetch(roost.url + path, { method: "POST", headers, body: JSON.stringify(body) });
    return (await answer.json()) as Body;
  };
  const app = { grant_type: "client_credentials", client_id, scope: "read write" };
  const { access_token } = await json<{ access_token: string }>("/oauth/token", app);
  const languageOf = async (username: string, locale: string) => {
    const person = { username, email: `${username}@example.org`, password: "a long enough password" };
    const made = { ...person, agreement: true, locale };
    const account = await json<{ access_token: string }>("/api/v1/accounts", made, access_token);
    const post = { status: "Hallo" };
    return (await json<{ language: string | null }>("/api/v1/statuses", post, account.access_token)).language;
  };
  expect(await languageOf("amsel", "de_AT")).toBe("de");
  // Only ever a wish: what names no language is as good as none.
  expect(await languageOf("merle", "no such language")).toBeNull();
});

test("an edit that asks for another visibility is refused, and changes nothing", async () => {
  const { id } = await wren.client.publish("as it is");
  const edit = (visibility: string) =>
    wren.client.ask<{ content: string }>("PUT", `/api/v1/statuses/${id}`, { status: "changed", visibility });
  const refused = await edit("private").catch((error: { answer: { status: number } }) => error.answer);
  expect(refused.status).toBe(422);
  expect((await wren.client.get<{ content: string }>(`/api/v1/statuses/${id}`)).content).toContain(
    "as it is",
  );
  expect((await edit("public")).body.content).toContain("changed");
});

describe("an empty body is no body, whatever it is said to be", () => {
  test.each(["text/plain;charset=UTF-8", "application/octet-stream", "application/json", "text/html"])(
    "%s",
    async (type) => {
      const { id } = await finch.client.publish(`for ${type}`);
      const headers = { authorization: `Bearer ${wren.client.token}`, "content-type": type };
      const ask = (body: string) =>
        fetch(`${roost.url}/api/v1/statuses/${id}/favourite`, { method: "POST", headers, body });
      expect((await ask("")).status).toBe(200);
      if (!type.includes("json")) expect((await ask("x")).status).toBe(415);
    },
  );
});

test("an address that isn't UTF-8 is refused in the form of all errors", async () => {
  const answer = await fetch(`${roost.url}/api/v1/timelines/tag/%ff`);
  expect([answer.status, Object.keys((await answer.json()) as object)]).toEqual([400, ["error"]]);
});
