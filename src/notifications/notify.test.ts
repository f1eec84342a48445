/** Events → notifications, and what their account then gets to see of them. */
import { sql } from "kysely";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Answer, type Client, type SignedUp, signUp } from "../../test/support/client.ts";
import { makeDataDir, removeDataDir } from "../../test/support/start-roost.ts";
import { suspendAccount } from "../accounts/suspend.ts";
import { openRoost, type Roost } from "../composition.ts";
import { loadConfig } from "../config.ts";
import type { DomainEvent } from "../core/events.ts";
import type { StatusFacts } from "../statuses/records.ts";
import { notificationsFor, notify } from "./notify.ts";

vi.setConfig({ testTimeout: 30_000, hookTimeout: 90_000 });

interface Told {
  readonly id: string;
  readonly type: string;
  readonly group_key: string;
  readonly account: { readonly id: string };
  readonly status?: { readonly id: string };
}

const dataDir = makeDataDir();
let roost: Roost;
let url: string;
let made = 0;

beforeAll(async () => {
  const settings = { DATA_DIR: dataDir, PORT: "0", SIGN_UPS: "open", RATE_LIMITS: "off" };
  const { config } = loadConfig(settings, {});
  roost = await openRoost(config, { log: pino({ level: "silent" }) });
  url = await roost.listen();
});
afterAll(async () => {
  await roost?.[Symbol.asyncDispose]();
  await removeDataDir(dataDir);
});

async function people(): Promise<[SignedUp, SignedUp, SignedUp]> {
  const name = `p${++made}`;
  return (await signUp(url, `${name}a`, `${name}b`, `${name}c`)) as [SignedUp, SignedUp, SignedUp];
}

/** Newest first, once everything that happened has been handled. */
async function told(client: Client, query = ""): Promise<Told[]> {
  await expect.poll(() => roost.isIdle(), { timeout: 10_000, interval: 10 }).toBe(true);
  return client.get<Told[]>(`/api/v1/notifications${query}`);
}

const kinds = (list: readonly Told[]) =>
  list.map(({ type, account, status }) => [type, account.id, status?.id]);

test("what the events say themselves: mentions, boosts, favourites, follows", () => {
  const facts = (id: bigint, more: Partial<StatusFacts> = {}): [bigint, StatusFacts] => {
    const rest = {
      visibility: "public" as const,
      inReplyToId: null,
      inReplyToAccountId: null,
      reblogOfId: null,
      mentionIds: [],
      tags: [],
      hasMedia: false,
    };
    return [id, { id, authorId: 1n, ...rest, ...more }];
  };
  const known = new Map([
    facts(10n, { mentionIds: [2n, 3n] }),
    facts(11n, { authorId: 2n, reblogOfId: 10n }),
  ]);
  const wanted = (event: DomainEvent) =>
    notificationsFor([event], known).map(({ type, accountId, fromId, statusId }) => [
      type,
      accountId,
      fromId,
      statusId,
    ]);
  expect(wanted({ type: "status.published", statusId: 10n, authorId: 1n })).toEqual([
    ["mention", 2n, 1n, 10n],
    ["mention", 3n, 1n, 10n],
  ]);
  expect(wanted({ type: "status.published", statusId: 11n, authorId: 2n })).toEqual([
    ["reblog", 1n, 2n, 10n],
  ]);
  expect(wanted({ type: "status.favourited", statusId: 10n, accountId: 5n })).toEqual([
    ["favourite", 1n, 5n, 10n],
  ]);
  expect(wanted({ type: "account.followed", accountId: 5n, targetId: 6n })).toEqual([
    ["follow", 6n, 5n, null],
  ]);
  expect(wanted({ type: "account.follow-requested", accountId: 5n, targetId: 6n })).toEqual([
    ["follow_request", 6n, 5n, null],
  ]);
  expect(wanted({ type: "status.favourited", statusId: 99n, accountId: 5n })).toEqual([]);
  expect(wanted({ type: "status.deleted", statusId: 10n, authorId: 1n })).toEqual([]);
});

test("each kind reaches whom it concerns, and nobody hears of what they did themselves", async () => {
  const [alice, bob] = await people();
  const post = await alice.client.publish("A post");
  await bob.client.follow(alice.id);
  await bob.client.post(`/api/v1/statuses/${post.id}/favourite`);
  await bob.client.post(`/api/v1/statuses/${post.id}/reblog`);
  const mention = await bob.client.publish(`@${alice.username} and @${bob.username}`, {
    visibility: "direct",
  });
  await alice.client.post(`/api/v1/statuses/${post.id}/favourite`);
  await told(alice.client);
  await alice.client.put(`/api/v1/statuses/${post.id}`, { status: "Edited" });
  await alice.client.patch("/api/v1/accounts/update_credentials", { locked: true });
  const [other] = await people();
  await other.client.follow(alice.id);
  expect(kinds(await told(alice.client))).toEqual([
    ["follow_request", other.id, undefined],
    ["mention", bob.id, mention.id],
    ["reblog", bob.id, post.id],
    ["favourite", bob.id, post.id],
    ["follow", bob.id, undefined],
  ]);
  expect(kinds(await told(bob.client))).toEqual([["update", alice.id, post.id]]);
});

test("subscribers hear of posts: not of boosts, replies to others, or direct messages", async () => {
  const [alice, bob, carol] = await people();
  await bob.client.follow(alice.id, { notify: true });
  await carol.client.follow(alice.id);
  const foreign = await carol.client.publish("By carol");
  const post = await alice.client.publish("A post");
  const thread = await alice.client.publish("Its next", { in_reply_to_id: post.id, visibility: "private" });
  await alice.client.publish("A reply", { in_reply_to_id: foreign.id });
  await alice.client.publish("Secret", { visibility: "direct" });
  await alice.client.post(`/api/v1/statuses/${foreign.id}/reblog`);
  expect(kinds(await told(bob.client))).toEqual([
    ["status", alice.id, thread.id],
    ["status", alice.id, post.id],
  ]);
  expect(kinds(await told(carol.client))).toEqual([["reblog", alice.id, foreign.id]]);
});

test("recipients come page by page, each once, however often the event is handled", async () => {
  const [author, a, b] = await people();
  const [c, d, e] = await people();
  const subscribers = [a, b, c, d, e];
  const [first, second] = [await author.client.publish("One"), await author.client.publish("Two")];
  for (const { client } of subscribers) {
    await client.follow(author.id, { notify: true });
    await client.post(`/api/v1/statuses/${first.id}/reblog`);
    await client.post(`/api/v1/statuses/${second.id}/reblog`);
  }
  await told(author.client);
  const events = [first, second].flatMap(({ id }): DomainEvent[] => [
    { type: "status.published", statusId: BigInt(id), authorId: BigInt(author.id) },
    { type: "status.edited", statusId: BigInt(id), authorId: BigInt(author.id) },
  ]);
  const context = { database: roost.database, statuses: roost.api.home.statuses };
  const created: string[] = [];
  for (let run = 0; run < 2; run++) {
    for await (const page of notify(context, events, 2)) {
      expect(page.length).toBeLessThanOrEqual(2);
      created.push(...page.map(({ accountId }) => `${accountId}`));
    }
  }
  expect(created.sort()).toEqual(subscribers.flatMap(({ id }) => [id, id, id, id]).sort());
  for (const { client } of subscribers) {
    expect((await told(client)).map(({ type }) => type).sort()).toEqual([
      "status",
      "status",
      "update",
      "update",
    ]);
  }
});

test("blocked, muted and suspended accounts notify nobody, and what they did before is hidden", async () => {
  const [alice, bob, carol] = await people();
  const post = await alice.client.publish("A post");
  const favourite = (who: SignedUp) => who.client.post(`/api/v1/statuses/${post.id}/favourite`);
  await favourite(bob);
  await favourite(carol);
  expect(await told(alice.client)).toHaveLength(2);
  await alice.client.post(`/api/v1/accounts/${bob.id}/mute`, { notifications: false });
  await bob.client.publish(`@${alice.username} heard`);
  expect(await told(alice.client)).toHaveLength(3);
  await alice.client.post(`/api/v1/accounts/${bob.id}/mute`, { notifications: true });
  await bob.client.publish(`@${alice.username} unheard`);
  expect(kinds(await told(alice.client))).toEqual([["favourite", carol.id, post.id]]);
  await alice.client.post(`/api/v1/accounts/${carol.id}/block`);
  await carol.client.publish(`@${alice.username} blocked`);
  expect(await told(alice.client)).toEqual([]);
  // A mute hides; a block deletes.
  await alice.client.post(`/api/v1/accounts/${carol.id}/unblock`);
  await alice.client.post(`/api/v1/accounts/${bob.id}/unmute`);
  const kept = kinds(await told(alice.client)).map(([type, id]) => [type, id]);
  expect(kept).toEqual([
    ["mention", bob.id],
    ["favourite", bob.id],
  ]);
  await suspendAccount(roost.database.db, BigInt(bob.id));
  expect(await told(alice.client)).toEqual([]);
  expect(await alice.client.get("/api/v1/notifications/unread_count")).toEqual({ count: 0 });
});

test("nothing is left of a deleted status, even when it was deleted while somebody was told of it", async () => {
  const [alice, bob] = await people();
  const post = await bob.client.publish(`@${alice.username} hello`);
  expect(await told(alice.client)).toHaveLength(1);
  await bob.client.delete(`/api/v1/statuses/${post.id}`);
  expect(await told(alice.client)).toEqual([]);
  const { db } = roost.database;
  const row = { account_id: BigInt(alice.id), from_account_id: BigInt(bob.id), status_id: BigInt(post.id) };
  await db
    .insertInto("notifications")
    .values({ ...row, type: "mention" })
    .execute();
  const context = { database: roost.database, statuses: roost.api.home.statuses };
  const deleted: DomainEvent = {
    type: "status.deleted",
    statusId: BigInt(post.id),
    authorId: BigInt(bob.id),
  };
  for await (const page of notify(context, [deleted])) expect(page).toEqual([]);
  const { rows } = await sql`select 1 from notifications where account_id = ${row.account_id}`.execute(db);
  expect(rows).toEqual([]);
});

test("lists by kind, by account and by page; one by one; dismissed and cleared", async () => {
  const [alice, bob, carol] = await people();
  for (const { client } of [bob, carol]) {
    await client.follow(alice.id);
    for (let n = 0; n < 3; n++) await client.publish(`@${alice.username} ${n}`);
  }
  const all = await told(alice.client);
  expect(all).toHaveLength(8);
  expect(all[0]?.group_key).toBe(`ungrouped-${all[0]?.id}`);
  const ids = (list: readonly Told[]) => list.map(({ id }) => id);
  const only = (keep: (one: Told) => boolean) => ids(all.filter(keep));
  expect(ids(await told(alice.client, "?types[]=follow"))).toEqual(only(({ type }) => type === "follow"));
  expect(ids(await told(alice.client, "?exclude_types[]=follow&exclude_types[]=status"))).toEqual(
    only(({ type }) => type !== "follow"),
  );
  expect(ids(await told(alice.client, `?account_id=${bob.id}`))).toEqual(
    only(({ account }) => account.id === bob.id),
  );
  const pages: string[] = [];
  let path: string | undefined = "/api/v1/notifications?limit=3&exclude_types[]=status";
  while (path) {
    const { body, headers }: Answer<Told[]> = await alice.client.ask<Told[]>("GET", path);
    pages.push(...ids(body));
    path = headers.get("link")?.match(/^<[^>]*?(\/api[^>]+)>; rel="next"/)?.[1];
  }
  expect(pages).toEqual(ids(all));
  const [newest, second, third] = all as [Told, Told, Told];
  expect(ids(await told(alice.client, `?since_id=${third.id}`))).toEqual([newest.id, second.id]);
  expect(ids(await told(alice.client, `?min_id=${third.id}&limit=1`))).toEqual([second.id]);
  expect(await alice.client.get(`/api/v1/notifications/${newest.id}`)).toEqual(newest);
  // Another account's are none of one's business.
  expect((await bob.client.ask("GET", `/api/v1/notifications/${newest.id}`)).status).toBe(404);
  expect((await bob.client.ask("POST", `/api/v1/notifications/${newest.id}/dismiss`)).status).toBe(404);
  expect(await alice.client.post(`/api/v1/notifications/${newest.id}/dismiss`)).toEqual({});
  expect((await alice.client.ask("GET", `/api/v1/notifications/${newest.id}`)).status).toBe(404);
  expect(await alice.client.post("/api/v1/notifications/clear")).toEqual({});
  expect(await told(alice.client)).toEqual([]);
});

test("markers: only what was posted comes back, versions grow, unread counts from there", async () => {
  const [alice, bob] = await people();
  for (let n = 0; n < 4; n++) await bob.client.publish(`@${alice.username} ${n}`);
  const list = await told(alice.client);
  const unread = async (query = "") =>
    (await alice.client.get<{ count: number }>(`/api/v1/notifications/unread_count${query}`)).count;
  expect(await alice.client.get("/api/v1/markers?timeline[]=home&timeline[]=notifications")).toEqual({});
  expect([await unread(), await unread("?limit=3")]).toEqual([4, 3]);
  const read = list[1]?.id ?? "";
  const form = { "content-type": "application/x-www-form-urlencoded" };
  const body = `notifications[last_read_id]=${read}`;
  const { body: posted } = await alice.client.ask("POST", "/api/v1/markers", body, form);
  expect(posted).toEqual({
    notifications: { last_read_id: read, version: 1, updated_at: expect.stringMatching(/^\d{4}-.+Z$/) },
  });
  expect(await unread()).toBe(1);
  const both = { home: { last_read_id: "12" }, notifications: { last_read_id: list[0]?.id } };
  expect(await alice.client.post("/api/v1/markers", both)).toMatchObject({
    home: { last_read_id: "12", version: 1 },
    notifications: { last_read_id: list[0]?.id, version: 2 },
  });
  expect(await unread()).toBe(0);
  expect(Object.keys(await alice.client.get<object>("/api/v1/markers?timeline[]=home"))).toEqual(["home"]);
});
