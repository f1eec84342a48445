/** Many people at once on two servers, while Redis fails in all ways: what each did shows to them at once, on the other. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { askRedis, hasRedis } from "../../src/cluster/redis.ts";
import { sleep } from "../../src/core/clock.ts";
import { makeId } from "../../src/core/ids.ts";
import { seededRandom } from "../../src/core/random.ts";
import { homeTimelineBySql } from "../../src/feed/oracle.ts";
import { insertAccount } from "../support/accounts.ts";
import { Client, type Status } from "../support/client.ts";
import { openTwoServers, type TwoServers } from "../support/two-servers.ts";

const PEOPLE = 10;
const isLong = process.env.TEST_LONG === "1";
const FOR_MS = isLong ? 120_000 : 8_000;
const FORMS = isLong ? (["single", "sentinel", "cluster"] as const) : (["single"] as const);
const seed = Number(process.env.PROPERTY_SEED ?? Date.now() % 2 ** 31);

interface Person {
  readonly id: bigint;
  readonly at: readonly [Client, Client];
}

describe.skipIf(!hasRedis()).each(FORMS)("many at once on two servers, %s (needs redis-server)", (form) => {
  let two: TwoServers;
  const people: Person[] = [];
  const random = seededRandom(seed);

  beforeAll(async () => {
    two = await openTwoServers(form, {
      FAN_OUT_SWITCH_OVERLAP_MS: "1000",
      FAN_OUT_PULL_FROM_FOLLOWERS: "7",
      FAN_OUT_PUSH_BELOW_FOLLOWERS: "5",
      TIMELINE_MAX_ENTRIES: "40",
    });
    const { db } = two.roosts[0].database;
    for (let i = 0; i < PEOPLE; i++) {
      const id = makeId(Date.UTC(2025, 0, 1) + i, i, 0);
      const username = `p${i}`;
      const token = await insertAccount(db, id, username);
      people.push({ id, at: [new Client(two.urls[0], token), new Client(two.urls[1], token)] });
    }
  });
  afterAll(() => two?.[Symbol.asyncDispose]());

  const home = (client: Client) => client.get<Status[]>("/api/v1/timelines/home?limit=40");

  /** Does one thing on one server, and looks at the other. */
  async function act(self: Person): Promise<void> {
    const writer = random.below(2) as 0 | 1;
    const there = self.at[writer];
    const here = self.at[1 - writer] as Client;
    const other = random.pick(people.filter((person) => person !== self));
    const isOthers = ({ account }: Status) => account.id === `${other.id}`;
    switch (random.below(7)) {
      case 0: {
        await there.post(`/api/v1/accounts/${other.id}/unfollow`);
        expect((await home(here)).filter(isOthers), "after unfollowing").toEqual([]);
        return;
      }
      case 1: {
        await there.post(`/api/v1/accounts/${other.id}/mute`);
        expect((await home(here)).filter(isOthers), "after muting").toEqual([]);
        await there.post(`/api/v1/accounts/${other.id}/unmute`);
        return;
      }
      case 2:
      case 3:
        await there.post(`/api/v1/accounts/${other.id}/follow`);
        return;
      case 4: {
        const { id } = await there.post<Status>("/api/v1/statuses", { status: "gone in a moment" });
        await here.delete(`/api/v1/statuses/${id}`);
        expect(
          (await home(there)).map((status) => status.id),
          "after deleting",
        ).not.toContain(id);
        return;
      }
      default: {
        const { id } = await there.post<Status>("/api/v1/statuses", { status: "here to stay" });
        expect(
          (await home(here)).map((status) => status.id),
          "after posting",
        ).toContain(id);
      }
    }
  }

  async function breakThings(untilMs: number): Promise<void> {
    const nodes = two.redis.nodes.filter((node) => node.startsWith("redis"));
    // Long enough for another to take over, where there is one.
    const awhile = () => sleep(random.below(form === "sentinel" ? 3_000 : 700));
    while (performance.now() < untilMs) {
      await sleep(random.below(900));
      const node = random.pick(nodes);
      const server = random.below(2) as 0 | 1;
      switch (random.below(form === "single" ? 5 : 3)) {
        case 0:
          await askRedis(two.redis.portOf(node), "flushall").catch(() => {});
          break;
        case 1:
          await two.redis.kill(node);
          await awhile();
          await two.redis.restart(node);
          break;
        case 2:
          two.redis.freeze(node);
          await awhile();
          two.redis.thaw(node);
          break;
        default:
          two.cut(server);
          await awhile();
          two.mend(server);
      }
    }
  }

  test(
    `each sees what they did, and in the end everybody what is (seed ${seed})`,
    async () => {
      const untilMs = performance.now() + FOR_MS;
      let acts = 0;
      const live = async (self: Person) => {
        while (performance.now() < untilMs) {
          await act(self);
          acts++;
        }
      };
      await Promise.all([breakThings(untilMs), ...people.map(live)]);
      expect(acts).toBeGreaterThan(PEOPLE);
      await expect.poll(() => two.isIdle(), { timeout: 60_000, interval: 50 }).toBe(true);
      for (const { id, at } of people) {
        const expected = (await homeTimelineBySql(two.roosts[0].database.db, id)).map(String);
        for (const client of at) {
          const pages = await client.homeByLinks(40);
          expect(pages.flat(), `the home of ${id}`).toEqual(expected);
        }
      }
    },
    FOR_MS + 120_000,
  );
});
