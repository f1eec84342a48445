/** What accounts are told of goes with its cause, whoever is faster; and what is unread is what the list shows. */
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { suspendAccount, unsuspendAccount } from "../../src/accounts/suspend.ts";
import { EVENTS_TOPIC } from "../../src/engines/event-log/outbox.ts";
import { type SignedUp, signUp } from "../support/client.ts";
import { testCluster } from "../support/cluster-tenant.ts";
import { type OpenedRoost, openTestRoost } from "../support/open-roost.ts";
import { settled, toldTo, unreadOf } from "../support/told.ts";

let roost: OpenedRoost;
let made = 0;

beforeAll(async () => {
  roost = await openTestRoost({ SIGN_UPS: "open" });
});
afterAll(async () => {
  await roost?.[Symbol.asyncDispose]();
});

const poll = { timeout: 20_000, interval: 5 };
const told = (who: SignedUp, query = "") => toldTo(roost, who, query);

async function people(): Promise<[SignedUp, SignedUp, SignedUp]> {
  const name = `n${++made}`;
  return (await signUp(roost.url, `${name}a`, `${name}b`, `${name}c`)) as [SignedUp, SignedUp, SignedUp];
}

test("notifications go with their cause, unread ones too; done again, they are told again", async () => {
  const [alice, bob] = await people();
  const post = await alice.client.publish("A post");
  const at = `/api/v1/statuses/${post.id}`;
  const says = async (type: string, isTold: boolean) => {
    const list = isTold ? [`${type} by ${bob.username}`] : [];
    expect(await told(alice)).toEqual(list);
    expect(await unreadOf(alice)).toBe(list.length);
  };
  const pairs: [string, () => Promise<unknown>, () => Promise<unknown>][] = [
    ["favourite", () => bob.client.post(`${at}/favourite`), () => bob.client.post(`${at}/unfavourite`)],
    ["reblog", () => bob.client.post(`${at}/reblog`), () => bob.client.post(`${at}/unreblog`)],
    [
      "follow",
      () => bob.client.follow(alice.id),
      () => bob.client.post(`/api/v1/accounts/${alice.id}/unfollow`),
    ],
    [
      "follow",
      () => bob.client.follow(alice.id),
      () => alice.client.post(`/api/v1/accounts/${bob.id}/remove_from_followers`),
    ],
  ];
  for (const [type, act, undo] of pairs)
    for (let round = 0; round < 2; round++) {
      await act();
      await says(type, true);
      await undo();
      await says(type, false);
    }
  const mention = await bob.client.publish(`@${alice.username} hello`);
  await says("mention", true);
  await bob.client.put(`/api/v1/statuses/${mention.id}`, { status: "hello" });
  await says("mention", false);
  await bob.client.put(`/api/v1/statuses/${mention.id}`, { status: `@${alice.username} after all` });
  await says("mention", true);
  await bob.client.delete(`/api/v1/statuses/${mention.id}`);
  await says("mention", false);
});

test("requests end when they are taken back, rejected or authorized, and by blocks, suspensions and unlocking", async () => {
  const endings: [string, (target: SignedUp, asking: SignedUp) => Promise<unknown>, string[]][] = [
    ["withdrawn", (target, asking) => asking.client.post(`/api/v1/accounts/${target.id}/unfollow`), []],
    ["rejected", (target, asking) => target.client.post(`/api/v1/follow_requests/${asking.id}/reject`), []],
    [
      "authorized",
      (target, asking) => target.client.post(`/api/v1/follow_requests/${asking.id}/authorize`),
      ["follow"],
    ],
    [
      "unlocked",
      (target) => target.client.patch("/api/v1/accounts/update_credentials", { locked: false }),
      ["follow"],
    ],
    ["the target blocks", (target, asking) => target.client.post(`/api/v1/accounts/${asking.id}/block`), []],
    [
      "the requester blocks",
      (target, asking) => asking.client.post(`/api/v1/accounts/${target.id}/block`),
      [],
    ],
    [
      "removed",
      (target, asking) => target.client.post(`/api/v1/accounts/${asking.id}/remove_from_followers`),
      [],
    ],
    [
      "the requester is suspended, for a while",
      async (_, asking) => {
        await suspendAccount(roost.database.db, BigInt(asking.id));
        await unsuspendAccount(roost.database.db, BigInt(asking.id));
      },
      [],
    ],
  ];
  for (const [how, end, left] of endings) {
    const [target, asking] = await people();
    await target.client.patch("/api/v1/accounts/update_credentials", { locked: true });
    await asking.client.follow(target.id);
    expect(await told(target)).toEqual([`follow_request by ${asking.username}`]);
    await end(target, asking);
    expect([how, await told(target)]).toEqual([how, left.map((type) => `${type} by ${asking.username}`)]);
    expect([how, await target.client.get("/api/v1/follow_requests")]).toEqual([how, []]);
    expect([how, await unreadOf(target)]).toEqual([how, left.length]);
  }
});

describe("a notification being stored while its cause is undone", () => {
  /**
   * Runs `work` while another transaction has the lock of this name, in the recipient's database, and does `after` once
   * somebody waits for it there.
   */
  async function whileLocked(
    recipient: SignedUp,
    name: string,
    { before = "", after = "" }: { before?: string; after?: string },
    work: () => Promise<unknown>,
  ): Promise<void> {
    const database = roost.database.shards.of(BigInt(recipient.id));
    const holder: pg.Client = await database.dedicated();
    try {
      await holder.query(`begin; select pg_advisory_xact_lock(hashtextextended('${name}', 0)); ${before}`);
      const working = work();
      const waits = `select count(*)::int as count from pg_locks l join pg_database d on d.oid = l.database
        where locktype = 'advisory' and not granted and datname = current_database()`;
      const asker = await database.dedicated();
      await expect.poll(async () => (await asker.query(waits)).rows[0].count, poll).toBeGreaterThan(0);
      await asker.end();
      await holder.query(`${after}; commit`);
      await working;
    } finally {
      await holder.end();
    }
  }

  test("is found by whoever undoes it, when it is stored first", async () => {
    const [alice, bob] = await people();
    const { id } = await alice.client.publish("A post");
    await bob.client.post(`/api/v1/statuses/${id}/favourite`);
    await settled(roost);
    await alice.client.post("/api/v1/notifications/clear");
    const store = `insert into notifications (account_id, type, from_account_id, status_id)
      values (${alice.id}, 'favourite', ${bob.id}, ${id})`;
    await whileLocked(alice, id, { before: store }, () =>
      bob.client.post(`/api/v1/statuses/${id}/unfavourite`),
    );
    expect(await told(alice)).toEqual([]);
  });

  // It writes beside the server, into the one database; on a cluster a favourite lies on a shard.
  test.skipIf(testCluster !== null)("isn't stored, when its cause has ended first", async () => {
    const [alice, bob] = await people();
    const { id } = await alice.client.publish("A post");
    const event = { type: "status.favourited", statusId: id, accountId: bob.id };
    const favourite = `insert into favourites (account_id, status_id) values (${bob.id}, ${id});
      insert into event_log (topic, key, payload) values ('${EVENTS_TOPIC}', ${bob.id}, '${JSON.stringify(event)}')`;
    const asker = await roost.database.dedicated();
    await whileLocked(alice, id, {}, () => asker.query(favourite));
    await asker.end();
    expect(await told(alice)).toEqual([`favourite by ${bob.username}`]);
    await alice.client.post("/api/v1/notifications/clear");
    const repeat = async () => {
      const again = await roost.database.dedicated();
      await again.query(favourite.slice(favourite.indexOf("insert into event_log")));
      await again.end();
    };
    await whileLocked(alice, id, { after: `delete from favourites where status_id = ${id}` }, repeat);
    expect(await told(alice)).toEqual([]);
  });

  test("isn't brought back by an event of before that comes again", async () => {
    const [alice, bob] = await people();
    await bob.client.follow(alice.id);
    await bob.client.post(`/api/v1/accounts/${alice.id}/unfollow`);
    await settled(roost);
    const event = { type: "account.followed", accountId: bob.id, targetId: alice.id };
    const asker = await roost.database.dedicated();
    await asker.query("insert into event_log (topic, key, payload) values ($1, $2, $3)", [
      EVENTS_TOPIC,
      alice.id,
      event,
    ]);
    await asker.end();
    expect(await told(alice)).toEqual([]);
  });
});

test("unread counts what the list shows: by type and account, from the marker on, up to the limit", async () => {
  const [alice, bob, carol] = await people();
  const { id } = await alice.client.publish("A post");
  for (const { client } of [bob, carol]) {
    await client.follow(alice.id);
    await client.post(`/api/v1/statuses/${id}/favourite`);
    await client.publish(`@${alice.username} hello`);
  }
  await settled(roost);
  const read = await alice.client.get<{ id: string }[]>("/api/v1/notifications");
  for (const [query, count] of [
    ["", 6],
    ["?types[]=mention", 2],
    ["?types[]=mention&types[]=follow", 4],
    ["?exclude_types[]=mention", 4],
    ["?types[]=mention&types[]=follow&exclude_types[]=follow", 2],
    [`?account_id=${bob.id}`, 3],
    [`?account_id=${bob.id}&types[]=favourite`, 1],
    ["?types[]=poll", 0],
    ["?limit=4", 4],
    ["?limit=1&types[]=mention", 1],
  ] as const) {
    expect([query, await unreadOf(alice, query)]).toEqual([query, count]);
    const list = await told(alice, query);
    expect([query, list.length]).toEqual([query, count]);
  }
  expect((await alice.client.ask("GET", "/api/v1/notifications/unread_count?account_id=x")).status).toBe(400);
  await alice.client.post("/api/v1/markers", { notifications: { last_read_id: read[2]?.id } });
  expect(await unreadOf(alice)).toBe(2);
  expect(await unreadOf(alice, "?exclude_types[]=mention")).toBe(
    (await told(alice, `?since_id=${read[2]?.id}&exclude_types[]=mention`)).length,
  );
});

test("what can't be opened any more isn't unread either", async () => {
  const [alice, bob] = await people();
  await bob.client.follow(alice.id, { notify: true });
  await alice.client.publish("For followers", { visibility: "private" });
  expect(await told(bob)).toEqual([`status by ${alice.username}`]);
  await bob.client.post(`/api/v1/accounts/${alice.id}/unfollow`);
  expect(await told(bob)).toEqual([]);
  expect(await unreadOf(bob)).toBe(0);
});
