/** An author over the thresholds at which Roost changes from delivering to merging and back, at their real size. */
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createAccessToken } from "../../src/accounts/tokens.ts";
import type { FanOutMode } from "../../src/feed/fan-out-mode.ts";
import { Client, type SignedUp, signUp } from "../support/client.ts";
import { type OpenedRoost, openTestRoost } from "../support/open-roost.ts";
import { waitFor } from "../support/wait.ts";

const AUDIENCE = 10_050;
const LEAVING = 2_100;
/** Of both ways, after a change. So short that posts come which went one way only. */
const OVERLAP_MS = 25;
const SLOW_MS = 180_000;

let roost: OpenedRoost;
let author: SignedUp;
let reader: SignedUp;
let friend: SignedUp;

beforeAll(async () => {
  roost = await openTestRoost({ FAN_OUT_SWITCH_OVERLAP_MS: `${OVERLAP_MS}` });
  [author, reader, friend] = (await signUp(roost.url, "owl", "wren", "robin")) as [
    SignedUp,
    SignedUp,
    SignedUp,
  ];
});
afterAll(() => roost?.[Symbol.asyncDispose]());

const posts: string[] = [];
const publish = async (by: SignedUp, text: string) => {
  posts.unshift((await by.client.publish(text)).id);
};
const settled = () => waitFor(() => roost.isIdle(), 60_000, "everything is delivered");
const overlapEnds = async () => {
  const atMs = Date.now() + 2 * OVERLAP_MS;
  await waitFor(() => Date.now() > atMs, 1_000, "only one way is used");
};
/** From the database: on a cluster this process takes no requests, so its cache may not have caught up. */
const modeOf = async () => {
  const { rows } = await sql<{ mode: FanOutMode }>`select mode from fan_out_modes
    where account_id = ${author.id}::bigint order by from_status_id desc limit 1`.execute(roost.database.db);
  return rows[0]?.mode ?? "push";
};

async function expectAll(of: Client): Promise<void> {
  expect((await of.homeByLinks(3)).flat()).toEqual(posts);
}

test(
  "an audience above 10,000 and below 8,000 again misses nothing",
  async () => {
    const { db } = roost.database;
    await reader.client.follow(author.id);
    await reader.client.follow(friend.id);
    await publish(author, "While few listen");
    await settled();
    await sql`with new as (insert into accounts (id, username) select next_id(n % 1024), 'many_' || n
      from generate_series(1, ${AUDIENCE}::int) n returning id),
    made as (insert into credentials (account_id, email, password_hash, confirmed_at)
      select id, id || '@example.org', '-', now() from new)
    insert into follows (follower_id, followee_id) select id, ${author.id}::bigint from new`.execute(db);
    await sql`update follow_counts set followers_count = followers_count + ${AUDIENCE}
    where account_id = ${author.id}::bigint`.execute(db);
    const { rows } = await sql<{ id: bigint }>`select id from accounts where username = 'many_77'`.execute(
      db,
    );
    const { token } = await createAccessToken(db, {
      accountId: rows[0]?.id ?? null,
      appId: null,
      scopes: ["read"],
    });
    const oneOfMany = new Client(roost.url, token);
    const ofAuthor = async () => (await oneOfMany.homeByLinks(3)).flat();
    await ofAuthor();
    await roost.loseCaches();
    await publish(author, "The one that finds the large audience");
    await settled();
    expect(await modeOf()).toBe("pull");
    await overlapEnds();
    // So that timelines are stored when the next ones come.
    await expectAll(reader.client);
    expect(await ofAuthor()).toEqual(posts);
    await publish(author, "Merged from here on");
    await publish(friend, "Delivered in between");
    const friends = posts.slice(0, 1);
    await publish(author, "Merged again");
    await settled();
    for (const forget of [false, true]) {
      if (forget) await roost.loseCaches();
      await expectAll(reader.client);
      expect(await ofAuthor()).toEqual(posts.filter((id) => !friends.includes(id)));
    }
    await sql`delete from follows where followee_id = ${author.id}::bigint and follower_id in (
    select id from accounts where username like 'many_%' and username <> 'many_77' limit ${LEAVING})`.execute(
      db,
    );
    await sql`update follow_counts set followers_count = followers_count - ${LEAVING}
    where account_id = ${author.id}::bigint`.execute(db);
    await roost.loseCaches();
    await publish(author, "The one that finds that many left");
    await settled();
    expect(await modeOf()).toBe("push");
    await overlapEnds();
    await expectAll(reader.client);
    await publish(author, "Delivered again");
    await settled();
    await expectAll(reader.client);
    expect(await ofAuthor()).toEqual(posts.filter((id) => !friends.includes(id)));
  },
  SLOW_MS,
);
