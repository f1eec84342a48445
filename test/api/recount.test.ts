/** What older versions counted, and left when its cause was undone, is put right in the background. */
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { suspendAccount } from "../../src/accounts/suspend.ts";
import { makeId } from "../../src/core/ids.ts";
import type { Stale } from "../../src/core/invalidation.ts";
import { removeLeftovers } from "../../src/notifications/leftovers.ts";
import { recountOld } from "../../src/statuses/recount.ts";
import { insertAccount } from "../support/accounts.ts";
import { Client } from "../support/client.ts";
import { testCluster } from "../support/cluster-tenant.ts";
import { type OpenedRoost, openTestRoost } from "../support/open-roost.ts";
import { type ShardDatabases, startShardDatabases } from "../support/shard-databases.ts";
import { settled } from "../support/told.ts";

// A cluster has the databases that it has.
const layouts = (
  [
    ["in one database", []],
    ["over two databases", ["first", "second"]],
  ] as const
).filter(([, names]) => !testCluster || names.length === 0);

describe.each(layouts)("what accounts own lies %s", (_, names) => {
  let roost: OpenedRoost;
  let databases: ShardDatabases | null = null;
  let made = 0;

  beforeAll(async () => {
    databases = names.length === 0 ? null : await startShardDatabases(names);
    roost = await openTestRoost({ ...databases?.env });
  });

  afterAll(async () => {
    await roost?.[Symbol.asyncDispose]();
    await databases?.[Symbol.asyncDispose]();
  });

  async function person() {
    const { db } = roost.database;
    const number = made++;
    const id = makeId(Date.UTC(2025, 0, 1) + number, number % 1_024, 0);
    const token = await insertAccount(db, id, `p${number}`);
    return { id, username: `p${number}`, client: new Client(roost.url, token) };
  }

  const everywhere = <Row>(text: string) =>
    roost.database.shards.gather(async ({ db }) => (await sql.raw(text).execute(db)).rows as Row[]);
  const main = (text: string) => sql.raw(text).execute(roost.database.db);

  /** As if it began with everything there is, in a version that came later. */
  const beginAnew = () =>
    main(`insert into recount_progress (what, ends_at) values ('statuses', ${2n ** 62n}), ('notifications', ${2n ** 62n})
      on conflict (what) do update set done_to = 0, ends_at = excluded.ends_at`);
  const later = { nowMs: () => Date.now() + 120_000 };
  const never = new AbortController().signal;

  test("direct posts and hidden replies and boosts count no more, what may count still does", async () => {
    const people = [await person(), await person(), await person()] as const;
    const [author, second, third] = people;
    const { id } = await author.client.publish("A post");
    for (const visibility of ["public", "unlisted", "private", "direct"]) {
      for (const { client } of people)
        await client.publish(`${visibility} @${author.username}`, { visibility, in_reply_to_id: id });
    }
    await second.client.post(`/api/v1/statuses/${id}/reblog`, { visibility: "private" });
    await third.client.post(`/api/v1/statuses/${id}/reblog`);
    await second.client.post(`/api/v1/statuses/${id}/favourite`);
    await settled(roost);
    const counts = async () => {
      const statuses = await everywhere<object>(
        `select replies_count, reblogs_count, favourites_count from status_counts where status_id = ${id}`,
      );
      const ids = people.map((one) => one.id).join();
      const authors = await everywhere<{ account_id: bigint; statuses_count: bigint; last: Date }>(
        `select account_id, statuses_count, last_status_at as last from author_counts where account_id in (${ids})`,
      );
      authors.sort((a, b) => (a.account_id < b.account_id ? -1 : 1));
      return [...statuses, ...authors.map(({ statuses_count, last }) => [statuses_count, last < new Date()])];
    };
    const right = await counts();
    expect(right).toEqual([
      { replies_count: 6, reblogs_count: 1, favourites_count: 1 },
      ...[4n, 4n, 4n].map((posts) => [posts, true]),
    ]);
    // As an older version left it.
    await everywhere(
      `update status_counts set replies_count = 12, reblogs_count = 2 where status_id = ${id}`,
    );
    await everywhere("update remote_reactions set is_counted = true");
    await everywhere(
      "update author_counts set statuses_count = statuses_count + 1, last_status_at = '2100-01-01'",
    );
    await beginAnew();
    const told: Stale[] = [];
    const invalidate = async (stale: Stale) => void told.push(stale);
    const context = { database: roost.database, clock: later, invalidate };
    const stopped = new AbortController();
    stopped.abort();
    await recountOld(context, stopped.signal);
    expect(await counts()).not.toEqual(right);
    await Promise.all([recountOld(context, never), recountOld(context, never)]);
    expect(await counts()).toEqual(right);
    expect(told.flatMap(({ statuses = [] }) => statuses)).toContain(BigInt(id));
    expect(new Set(told.flatMap(({ counts = [] }) => counts))).toEqual(new Set(people.map((one) => one.id)));
    // What is deleted from now on takes away what it added.
    const replies = await everywhere<{ id: bigint; author_id: bigint }>(
      `select id, author_id from statuses where in_reply_to_id = ${id} or reblog_of_id = ${id}`,
    );
    for (const reply of replies) {
      const { client } = people.find((one) => one.id === reply.author_id) ?? author;
      await client.delete(`/api/v1/statuses/${reply.id}`);
    }
    await settled(roost);
    expect((await counts())[0]).toEqual({ replies_count: 0, reblogs_count: 0, favourites_count: 1 });
    const { rows } = await main("select 1 from recount_progress where what = 'statuses' and done_to > 0");
    expect(rows).toHaveLength(1);
  });

  test("notifications without a cause go, and requests of the suspended; others stay", async () => {
    const [alice, bob, carol] = [await person(), await person(), await person()];
    const { id } = await alice.client.publish("A post");
    await bob.client.post(`/api/v1/statuses/${id}/favourite`);
    await bob.client.post(`/api/v1/statuses/${id}/reblog`);
    await bob.client.follow(`${alice.id}`);
    await bob.client.publish(`@${alice.username} hello`);
    await settled(roost);
    const { db } = roost.database.shards.of(alice.id);
    const left = ["favourite", "reblog", "mention"].map(
      (type) => `(${alice.id}, '${type}', ${carol.id}, ${id})`,
    );
    const gone = [`(${alice.id}, 'mention', ${carol.id}, 7)`, `(${alice.id}, 'update', ${carol.id}, 7)`];
    const ended = ["follow", "follow_request"].map(
      (type) => `(${alice.id}, '${type}', ${carol.id}, null::bigint)`,
    );
    await sql
      .raw(
        `insert into notifications (account_id, type, from_account_id, status_id)
         values ${[...left, ...gone, ...ended].join()}`,
      )
      .execute(db);
    await suspendAccount(roost.database.db, carol.id);
    await main(`insert into follow_requests (requester_id, target_id) values (${carol.id}, ${alice.id})`);
    await beginAnew();
    await removeLeftovers({ database: roost.database, clock: later }, never);
    const rows = await everywhere<{ type: string; from_account_id: bigint }>(
      `select type, from_account_id from notifications where account_id = ${alice.id} order by type`,
    );
    expect(rows.map(({ type, from_account_id }) => [type, from_account_id])).toEqual(
      ["favourite", "follow", "mention", "reblog"].map((type) => [type, bob.id]),
    );
    expect((await main(`select 1 from follow_requests where requester_id = ${carol.id}`)).rows).toEqual([]);
  });
});
