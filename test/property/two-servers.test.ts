/** The property of `home-timeline.test.ts`, where each request goes to another server than the one before. */

import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { askRedis, hasRedis } from "../../src/cluster/redis.ts";
import { sleep } from "../../src/core/clock.ts";
import { seededRandom } from "../../src/core/random.ts";
import type { OpenedRoost } from "../support/open-roost.ts";
import { openTwoServers, type TwoServers } from "../support/two-servers.ts";
import { ACCOUNTS, KINDS, type Step } from "./steps.ts";
import { World } from "./world.ts";

const isLong = process.env.TEST_LONG === "1";
const STEPS = 25;
const seed = Number(process.env.PROPERTY_SEED ?? Date.now() % 2 ** 31);

const FORMS = ["single", "sentinel", "cluster"] as const;

describe.skipIf(!hasRedis()).each(FORMS)("two servers on Redis, %s (needs redis-server)", (form) => {
  let two: TwoServers;
  beforeAll(async () => {
    two = await openTwoServers(form, { FAN_OUT_SWITCH_OVERLAP_MS: "25" });
  });
  afterAll(() => two?.[Symbol.asyncDispose]());

  test(
    `show what the model says, though Redis is flushed, killed and frozen (seed ${seed})`,
    async () => {
      const random = seededRandom(seed);
      const sequences = isLong ? 60 : form === "single" ? 8 : 3;
      const servers = two.redis.nodes.filter((name) => name.startsWith("redis"));
      const faults = [
        () => askRedis(two.redis.portOf(random.pick(servers)), "flushall").catch(() => {}),
        () => two.redis.restart(random.pick(servers)),
        async () => {
          // Long enough, now and then, for another to take over.
          const name = random.pick(servers);
          two.redis.freeze(name);
          void sleep(random.below(form === "sentinel" ? 2_500 : 600)).then(() => two.redis.thaw(name));
        },
        // While Redis is away, what is in it can't be lost.
        () => two.roosts[random.below(2)]?.loseCaches().catch(() => {}),
      ];
      const opened: OpenedRoost = {
        database: two.roosts[0].database,
        modes: two.roosts[0].modes,
        url: two.url,
        isIdle: () => two.isIdle(),
        loseCaches: async () => void (await random.pick(faults)()),
        [Symbol.asyncDispose]: async () => {},
      };
      for (let sequence = 0; sequence < sequences; sequence++) {
        const world = await World.create(opened);
        await world.begin(
          random.below(2 ** (ACCOUNTS * ACCOUNTS)) | random.below(2 ** (ACCOUNTS * ACCOUNTS)),
        );
        const story: string[] = [];
        try {
          for (let i = 0; i < STEPS; i++) {
            const step: Step = {
              kind: random.pick(KINDS),
              actor: random.below(ACCOUNTS),
              target: random.below(ACCOUNTS),
              pick: random.below(31),
              option: random.below(30),
            };
            story.push(JSON.stringify(step));
            await world.take(step);
          }
          await world.check(1 + random.below(7));
        } catch (error) {
          expect.fail(`PROPERTY_SEED=${seed}, sequence ${sequence}:\n${story.join("\n")}\n${inspect(error)}`);
        }
      }
    },
    isLong ? 1_800_000 : 240_000,
  );
});
