/** One's own mark can always be taken back, whatever has become of what it's on, and leaves no count behind. */
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { suspendAccount, unsuspendAccount } from "../../src/accounts/suspend.ts";
import { type SignedUp, type Status, signUp } from "../support/client.ts";
import { type OpenedRoost, openTestRoost } from "../support/open-roost.ts";
import { settled, toldTo } from "../support/told.ts";

interface Marked extends Status {
  readonly favourites_count: number;
  readonly reblogs_count: number;
  readonly replies_count: number;
  readonly favourited: boolean;
  readonly bookmarked: boolean;
  readonly reblogged: boolean;
  readonly spoiler_text: string;
  readonly mentions: unknown[];
  readonly tags: unknown[];
}

let roost: OpenedRoost;
let made = 0;

beforeAll(async () => {
  roost = await openTestRoost({ SIGN_UPS: "open" });
});
afterAll(async () => {
  await roost?.[Symbol.asyncDispose]();
});

async function people(): Promise<[SignedUp, SignedUp, SignedUp]> {
  const name = `q${++made}`;
  return (await signUp(roost.url, `${name}a`, `${name}b`, `${name}c`)) as [SignedUp, SignedUp, SignedUp];
}

const told = (who: SignedUp) => toldTo(roost, who);

/** Of a suspension servers hear a moment later. */
const outOfReach = ({ client }: SignedUp, id: string) =>
  expect
    .poll(async () => (await client.ask("GET", `/api/v1/statuses/${id}`)).status, {
      timeout: 10_000,
      interval: 10,
    })
    .toBe(404);

type Losing = (author: SignedUp, marker: SignedUp, id: string) => Promise<unknown>;
const losses: [string, { visibility: string; mentions: boolean; follows: boolean }, Losing][] = [
  [
    "blocked by the author",
    { visibility: "public", mentions: false, follows: false },
    (author, marker) => author.client.post(`/api/v1/accounts/${marker.id}/block`),
  ],
  [
    "removed as a follower",
    { visibility: "private", mentions: false, follows: true },
    (author, marker) => author.client.post(`/api/v1/accounts/${marker.id}/remove_from_followers`),
  ],
  [
    "no longer a follower by one's own choice",
    { visibility: "private", mentions: false, follows: true },
    (author, marker) => marker.client.post(`/api/v1/accounts/${author.id}/unfollow`),
  ],
  [
    "no longer mentioned",
    { visibility: "direct", mentions: true, follows: false },
    (author, _, id) => author.client.put(`/api/v1/statuses/${id}`, { status: "for nobody #any more" }),
  ],
  [
    "the author suspended",
    { visibility: "public", mentions: false, follows: false },
    (author) => suspendAccount(roost.database.db, BigInt(author.id)),
  ],
];

describe.each(losses)("%s", (_, { visibility, mentions, follows }, lose) => {
  test("a favourite and a bookmark can be taken back, and the answer tells nothing of what is out of reach", async () => {
    const [author, marker] = await people();
    if (follows) await marker.client.follow(author.id);
    const text = `a secret #any${mentions ? ` @${marker.username}` : ""}`;
    const { id } = await author.client.publish(text, { visibility, spoiler_text: "of mine" });
    for (const name of ["favourite", "bookmark"]) await marker.client.post(`/api/v1/statuses/${id}/${name}`);
    await settled(roost);
    await lose(author, marker, id);
    await outOfReach(marker, id);
    for (const name of ["favourite", "bookmark"]) {
      const answer = await marker.client.post<Marked>(`/api/v1/statuses/${id}/un${name}`);
      expect(answer).toMatchObject({ id, account: { id: author.id }, visibility, content: "" });
      expect(answer).toMatchObject({
        spoiler_text: "",
        mentions: [],
        tags: [],
        [name === "favourite" ? "favourited" : "bookmarked"]: false,
      });
      expect(JSON.stringify(answer)).not.toMatch(/secret|of mine|#any/);
      // Now it is as every other status that one can't see.
      expect((await marker.client.ask("POST", `/api/v1/statuses/${id}/un${name}`)).status).toBe(404);
    }
    await unsuspendAccount(roost.database.db, BigInt(author.id));
    expect(await told(marker)).not.toContain(`mention by ${author.username}`);
    // Whichever database holds the post: nothing of it is left in any.
    const left = sql<{ count: bigint }>`select (select count(*) from favourites where status_id = ${id})
      + (select count(*) from bookmarks where status_id = ${id})
      + coalesce((select favourites_count from status_counts where status_id = ${id}), 0)
      + (select count(*) from notifications where status_id = ${id} and type = 'favourite') as count`;
    const rows = await roost.database.shards.gather(async ({ db }) => (await left.execute(db)).rows);
    expect(rows.filter(({ count }) => BigInt(count) !== 0n)).toEqual([]);
  });
});

test.each(losses.filter(([, { visibility }]) => visibility === "public"))(
  "%s: a boost can be taken back by its original, or be deleted itself",
  async (_, __, lose) => {
    const [author, marker, other] = await people();
    const { id } = await author.client.publish("a secret");
    const boosts: string[] = [];
    for (const { client } of [marker, other])
      boosts.push((await client.post<Status>(`/api/v1/statuses/${id}/reblog`)).id);
    await settled(roost);
    for (const who of [marker, other]) await lose(author, who, id);
    for (const who of [marker, other]) await outOfReach(who, id);
    const undone = await marker.client.post<Marked>(`/api/v1/statuses/${id}/unreblog`);
    expect(undone).toMatchObject({ id, content: "", reblogged: false, reblog: null });
    const deleted = await other.client.delete<Marked>(`/api/v1/statuses/${boosts[1]}`);
    expect(deleted).toMatchObject({ id: boosts[1], content: "", reblog: null, text: "" });
    await unsuspendAccount(roost.database.db, BigInt(author.id));
    await settled(roost);
    const rows = await roost.database.dedicated();
    const left = `select count(*) from notifications where account_id = ${author.id}`;
    expect((await rows.query(left)).rows).toEqual([{ count: 0n }]);
    await rows.end();
    expect(
      (await other.client.get<{ statuses_count: number }>(`/api/v1/accounts/${other.id}`)).statuses_count,
    ).toBe(0);
  },
);

test("taking back answers with the status where it's still to be seen, and what was never there betrays nothing", async () => {
  const [author, marker] = await people();
  const { id } = await author.client.publish("for all");
  const secret = await author.client.publish("for nobody", { visibility: "direct" });
  for (const name of ["unfavourite", "unbookmark", "unreblog"]) {
    expect(await marker.client.post(`/api/v1/statuses/${id}/${name}`)).toMatchObject({
      content: "<p>for all</p>",
    });
    for (const unseen of [secret.id, "1"])
      expect((await marker.client.ask("POST", `/api/v1/statuses/${unseen}/${name}`)).status).toBe(404);
  }
  const boost = await marker.client.post<Status>(`/api/v1/statuses/${id}/reblog`);
  await marker.client.post(`/api/v1/statuses/${boost.id}/favourite`);
  expect(await marker.client.post(`/api/v1/statuses/${boost.id}/unfavourite`)).toMatchObject({
    id,
    favourites_count: 0,
  });
  expect(await marker.client.post(`/api/v1/statuses/${boost.id}/unreblog`)).toMatchObject({
    id,
    reblogs_count: 0,
  });
});

test("marks taken back while their post is edited and deleted: each waits its turn, and nothing is left", async () => {
  const [author, ...markers] = await people();
  const rows = await roost.database.dedicated();
  for (let round = 0; round < 15; round++) {
    const { id } = await author.client.publish(`@${markers[0]?.username} round ${round}`);
    const at = `/api/v1/statuses/${id}`;
    for (const { client } of markers)
      for (const name of ["favourite", "reblog", "bookmark"]) await client.post(`${at}/${name}`);
    const asked = await Promise.all([
      ...markers.flatMap(({ client }) =>
        ["unfavourite", "unreblog", "unbookmark", "favourite"].map((name) =>
          client.ask("POST", `${at}/${name}`),
        ),
      ),
      author.client.ask("PUT", at, { status: "for nobody" }),
      author.client.ask("DELETE", at),
    ]);
    const statuses = asked.map(({ status }) => status);
    expect(statuses.filter((status) => status !== 200 && status !== 404)).toEqual([]);
    await settled(roost);
    const left = ["favourites", "bookmarks", "notifications", "status_counts", "status_mentions"]
      .map((table) => `(select count(*) from ${table} where status_id = ${id})`)
      .join(" + ");
    expect((await rows.query(`select ${left} as count`)).rows).toEqual([{ count: 0n }]);
  }
  await rows.end();
});

test("whoever was suspended can be unfollowed, unmuted, unblocked and taken off lists", async () => {
  const [alice, bob, carol] = await people();
  await alice.client.follow(bob.id);
  await alice.client.post(`/api/v1/accounts/${bob.id}/mute`);
  await alice.client.post(`/api/v1/accounts/${carol.id}/block`);
  const { id } = await alice.client.post<{ id: string }>("/api/v1/lists", { title: "Friends" });
  await alice.client.post(`/api/v1/lists/${id}/accounts`, { account_ids: [bob.id] });
  for (const who of [bob, carol]) await suspendAccount(roost.database.db, BigInt(who.id));
  await alice.client.delete(`/api/v1/lists/${id}/accounts`, { account_ids: [bob.id] });
  for (const [name, who] of [
    ["unfollow", bob],
    ["unmute", bob],
    ["unblock", carol],
  ] as const)
    await alice.client.post(`/api/v1/accounts/${who.id}/${name}`);
  const relations = await alice.client.get<Record<string, unknown>[]>(
    `/api/v1/accounts/relationships?id[]=${bob.id}&id[]=${carol.id}`,
  );
  for (const relation of relations)
    expect(relation).toMatchObject({ following: false, muting: false, blocking: false });
});

test("counts betray nothing of direct posts, nor of replies and boosts that not everybody may see", async () => {
  const [alice, bob] = await people();
  const { id } = await alice.client.publish("A post");
  const count = async () => {
    const { replies_count, reblogs_count } = await alice.client.get<Marked>(`/api/v1/statuses/${id}`);
    const { statuses_count } = await alice.client.get<{ statuses_count: number }>(
      `/api/v1/accounts/${bob.id}`,
    );
    return [replies_count, reblogs_count, statuses_count];
  };
  const account = () => alice.client.get<{ last_status_at: string | null }>(`/api/v1/accounts/${bob.id}`);
  const posts: string[] = [];
  const reply = async (visibility: string) => {
    posts.push(
      (await bob.client.publish(`@${alice.username} ${visibility}`, { visibility, in_reply_to_id: id })).id,
    );
    return count();
  };
  expect(await reply("direct")).toEqual([0, 0, 0]);
  expect((await account()).last_status_at).toBeNull();
  expect(await reply("private")).toEqual([0, 0, 1]);
  expect(await reply("unlisted")).toEqual([1, 0, 2]);
  expect(await reply("public")).toEqual([2, 0, 3]);
  expect((await account()).last_status_at).toBe(new Date().toISOString().slice(0, 10));
  const asked = await bob.client.ask("PUT", `/api/v1/statuses/${posts[3]}`, {
    status: "edited",
    visibility: "direct",
  });
  if (asked.status === 200) expect(asked.body).toMatchObject({ visibility: "public" });
  expect(await count()).toEqual([2, 0, 3]);
  await bob.client.post(`/api/v1/statuses/${id}/reblog`, { visibility: "private" });
  expect(await count()).toEqual([2, 0, 4]);
  await bob.client.post(`/api/v1/statuses/${id}/unreblog`);
  await bob.client.post(`/api/v1/statuses/${id}/reblog`);
  expect(await count()).toEqual([2, 1, 4]);
  await bob.client.post(`/api/v1/statuses/${id}/unreblog`);
  const left = [
    [2, 0, 3],
    [2, 0, 2],
    [1, 0, 1],
    [0, 0, 0],
  ];
  for (const [place, post] of posts.entries()) {
    await bob.client.delete(`/api/v1/statuses/${post}`);
    expect(await count()).toEqual(left[place]);
  }
  expect((await account()).last_status_at).toBeNull();
});
