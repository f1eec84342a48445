/** Answers held against the community's schema of the Mastodon API, where a copy of it lies beside the checkout. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Client, type SignedUp, type Status, signUp } from "../support/client.ts";
import { type Document, operationsOf } from "../support/operations.ts";
import { type RunningRoost, startRoost, waitFor } from "../support/start-roost.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SCHEMA = join(resolve(ROOT, process.env.ROOST_SHARED ?? "../shared"), "api/mastodon-openapi.json.gz");
const isThere = existsSync(SCHEMA);
const why = isThere
  ? ""
  : " (skipped: no schema found; ROOST_SHARED names the folder that has api/mastodon-openapi.json.gz)";

let roost: RunningRoost;
let alice: SignedUp;
let bob: SignedUp;
let status: Status;
let ajv: Ajv2020;

/** As far as it is used here. */
interface OpenApi {
  paths: Record<string, Record<string, { responses: Record<string, { content?: Record<string, unknown> }> }>>;
}
let document: OpenApi;

describe.skipIf(!isThere)(`answers are what the schema says${why}`, () => {
  beforeAll(async () => {
    document = JSON.parse(gunzipSync(readFileSync(SCHEMA)).toString()) as OpenApi;
    ajv = new Ajv2020({ strict: false, allErrors: true });
    (addFormats as unknown as (target: Ajv2020) => void)(ajv);
    ajv.addSchema(document, "api");
    // The default on localhost, admin@localhost, is no address to the schema.
    roost = await startRoost({ env: { CONTACT_EMAIL: "admin@example.org" } });
    const [first, second] = await signUp(roost.url, "alice", "bob");
    if (!first || !second) throw new Error("two accounts were asked for");
    [alice, bob] = [first, second];
    await bob.client.follow(alice.id);
    status = await alice.client.publish("Hello @bob, see https://example.org #tag", {
      spoiler_text: "A word",
      language: "en",
    });
    await bob.client.publish("@alice yes", { in_reply_to_id: status.id });
    await bob.client.post(`/api/v1/statuses/${status.id}/reblog`);
    await bob.client.post(`/api/v1/statuses/${status.id}/favourite`);
    await alice.client.put(`/api/v1/statuses/${status.id}`, { status: "Hello again @bob" });
    await alice.client.follow(bob.id);
    await alice.client.post("/api/v1/lists", { title: "Friends", exclusive: false });
    await waitFor(
      async () => (await bob.client.get<unknown[]>("/api/v1/notifications")).length > 0,
      10_000,
      "bob is notified",
    );
  });
  afterAll(() => roost?.[Symbol.asyncDispose]());

  /** Method, path of the schema, path to ask (default the same), body. */
  const asked: [string, string, ((() => string) | undefined)?, unknown?][] = [
    ["GET", "/api/v1/timelines/home"],
    ["GET", "/api/v1/timelines/public"],
    ["GET", "/api/v1/timelines/tag/{hashtag}", () => "/api/v1/timelines/tag/tag"],
    ["GET", "/api/v1/accounts/verify_credentials"],
    ["GET", "/api/v1/accounts/{id}", () => `/api/v1/accounts/${bob.id}`],
    ["GET", "/api/v1/accounts/{id}/statuses", () => `/api/v1/accounts/${bob.id}/statuses`],
    ["GET", "/api/v1/accounts/{id}/followers", () => `/api/v1/accounts/${alice.id}/followers`],
    ["GET", "/api/v1/accounts/{id}/following", () => `/api/v1/accounts/${bob.id}/following`],
    ["GET", "/api/v1/accounts/relationships", () => `/api/v1/accounts/relationships?id[]=${bob.id}`],
    ["GET", "/api/v1/accounts/lookup", () => "/api/v1/accounts/lookup?acct=bob"],
    ["GET", "/api/v1/accounts/search", () => "/api/v1/accounts/search?q=bob"],
    ["POST", "/api/v1/statuses", undefined, { status: "One more" }],
    ["GET", "/api/v1/statuses/{id}", () => `/api/v1/statuses/${status.id}`],
    ["GET", "/api/v1/statuses/{id}/context", () => `/api/v1/statuses/${status.id}/context`],
    ["GET", "/api/v1/statuses/{id}/history", () => `/api/v1/statuses/${status.id}/history`],
    ["GET", "/api/v1/statuses/{id}/source", () => `/api/v1/statuses/${status.id}/source`],
    ["GET", "/api/v1/statuses/{id}/favourited_by", () => `/api/v1/statuses/${status.id}/favourited_by`],
    ["GET", "/api/v1/statuses/{id}/reblogged_by", () => `/api/v1/statuses/${status.id}/reblogged_by`],
    ["POST", "/api/v1/statuses/{id}/bookmark", () => `/api/v1/statuses/${status.id}/bookmark`],
    ["GET", "/api/v1/bookmarks"],
    ["GET", "/api/v1/favourites"],
    ["GET", "/api/v1/notifications"],
    ["GET", "/api/v1/lists"],
    ["GET", "/api/v1/blocks"],
    ["GET", "/api/v1/mutes"],
    ["GET", "/api/v1/follow_requests"],
    ["GET", "/api/v1/markers", () => "/api/v1/markers?timeline[]=home"],
    ["GET", "/api/v2/search", () => "/api/v2/search?q=alice"],
    ["GET", "/api/v1/instance"],
    ["GET", "/api/v2/instance"],
    ["POST", "/api/v1/accounts/{id}/mute", () => `/api/v1/accounts/${bob.id}/mute`, {}],
    ["POST", "/api/v1/accounts/{id}/unmute", () => `/api/v1/accounts/${bob.id}/unmute`, {}],
    ["POST", "/api/v1/apps", undefined, { client_name: "x", redirect_uris: "https://example.org/" }],
  ];

  test.each(asked)("%s %s", async (method, path, to, body) => {
    const answer = await alice.client.ask(
      method,
      to?.() ?? path,
      body ?? (method === "POST" ? {} : undefined),
    );
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
    expect(mistakesOf(method, path, "200", answer.body)).toEqual([]);
  });

  test("a parameter that the API documents does something, is refused, or holds anyway", async () => {
    const own = operationsOf(await alice.client.get<Document>("/api/openapi.json"));
    const unheard = operationsOf(document as Document).flatMap(({ method, path, schema }) => {
      const shape = (text: string) => text.replace(/\{\w+\}/g, "{}");
      const ours = own.find((one) => one.method === method && shape(one.path) === shape(path));
      if (!ours || NOTHING_THERE.test(path)) return [];
      const heard = { ...ours.schema.properties, ...ours.schema["x-refused"], ...HOLDS_ANYWAY[path] };
      return Object.keys(schema.properties ?? {})
        .map((name) => name.replace("[]", ""))
        .filter((name) => !(name in heard))
        .map((name) => `${method} ${path} ${name}`);
    });
    expect(unheard).toEqual([]);
  });

  test("every scope that is offered opens something", async () => {
    const { scopes_supported } = await alice.client.get<{ scopes_supported: string[] }>(
      "/.well-known/oauth-authorization-server",
    );
    const { paths } = await alice.client.get<{
      paths: Record<string, Record<string, { security?: { token?: string[] }[] }>>;
    }>("/api/openapi.json");
    const opening = Object.values(paths)
      .flatMap((operations) => Object.values(operations))
      .flatMap(({ security = [] }) => security.flatMap(({ token = [] }) => token));
    const parents = opening.map((scope) => scope.split(":")[0] ?? "");
    expect(scopes_supported.toSorted()).toEqual([...new Set([...opening, ...parents, "follow"])].toSorted());
  });

  test.each([
    ["401", "/api/v1/timelines/home", () => new Client(roost.url, null).ask("GET", "/api/v1/timelines/home")],
    ["404", "/api/v1/statuses/{id}", () => alice.client.ask("GET", "/api/v1/statuses/1")],
  ])("an error %s of %s", async (code, path, ask) => {
    const answer = await ask();
    expect(`${answer.status}`).toBe(code);
    expect(mistakesOf("GET", path, code, answer.body)).toEqual([]);
  });
});

/** Lists that are always empty. */
const NOTHING_THERE =
  /\/(filters|announcements|followed_tags|featured_tags|conversations|scheduled_statuses|endorsements|domain_blocks)$|\/trends\//;

/** By path: parameters that ask for what is so in any case, and why it is. */
const HOLDS_ANYWAY: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "/api/v1/accounts": {
    reason: "no sign-up waits for somebody's approval",
    date_of_birth: "the instance says that there is no least age",
  },
  "/api/v1/accounts/relationships": { with_suspended: "suspended accounts are among them" },
  "/api/v1/accounts/search": { resolve: "there are no other servers" },
  "/api/v2/search": {
    resolve: "there are no other servers",
    exclude_unreviewed: "no hashtag waits for a review",
  },
  "/api/v1/timelines/public": { local: "there are no other servers" },
  "/api/v1/timelines/tag/{hashtag}": { local: "there are no other servers" },
  "/api/v1/notifications": {
    include_filtered: "nothing is filtered",
    supported_types: "each type is sent with what clients that don't know it need",
  },
  "/api/v1/notifications/{id}": { supported_types: "as above" },
  "/oauth/authorize": { lang: "the pages are in one language" },
};

function mistakesOf(method: string, path: string, code: string, body: unknown): string[] {
  const content = document.paths[path]?.[method.toLowerCase()]?.responses[code]?.content;
  if (!content) return [`the schema has no ${code} of ${method} ${path}`];
  const place = [
    "paths",
    path,
    method.toLowerCase(),
    "responses",
    code,
    "content",
    "application/json",
    "schema",
  ];
  const pointer = place
    .map((part) => part.replaceAll("~", "~0").replaceAll("/", "~1"))
    .map(encodeURIComponent)
    .join("/");
  const validate = ajv.compile({ $ref: `api#/${pointer}` });
  if (validate(body)) return [];
  return (validate.errors ?? []).map(
    (error) => `${error.instancePath} ${error.message} ${JSON.stringify(error.params)}`,
  );
}
