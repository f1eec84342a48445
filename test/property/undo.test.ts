/** What is undone leaves nothing behind: no count, no mark, no notification, no request; whatever came in between. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { seededRandom } from "../../src/core/random.ts";
import { testCluster } from "../support/cluster-tenant.ts";
import { type OpenedRoost, openTestRoost } from "../support/open-roost.ts";
import { type ShardDatabases, startShardDatabases } from "../support/shard-databases.ts";
import { UndoWorld } from "./undo-world.ts";

const isLong = process.env.TEST_LONG === "1";
const SEQUENCES = isLong ? 100 : 2;
const STEPS = 100;
const PEOPLE = 4;
const seed = Number(process.env.PROPERTY_SEED ?? Date.now() % 2 ** 31);

/** A cluster of engines has its own database. */
const layouts = [
  ["in one database", []],
  ["over two databases", ["first", "second"]],
] as const;

describe.each(testCluster ? layouts.slice(0, 1) : layouts)("what accounts own lies %s", (_, names) => {
  let roost: OpenedRoost;
  let databases: ShardDatabases | null = null;

  beforeAll(async () => {
    databases = names.length === 0 ? null : await startShardDatabases(names);
    roost = await openTestRoost({ ...databases?.env });
  });

  afterAll(async () => {
    await roost?.[Symbol.asyncDispose]();
    await databases?.[Symbol.asyncDispose]();
  });

  test(
    `after each step counts are what is there; at the end nothing is left (seed ${seed})`,
    async () => {
      for (let n = 0; n < SEQUENCES; n++) {
        const random = seededRandom(seed + n);
        const world = await UndoWorld.create(roost, random, PEOPLE);
        try {
          for (let step = 1; step <= STEPS; step++) {
            await world.step();
            await world.checkCounts();
            if (step % 10 === 0) await world.checkNotifications();
          }
          await world.undoAll();
          await world.checkNothingIsLeft();
        } catch (error) {
          const story = world.story.map((line, i) => `  ${i + 1}. ${line}`).join("\n");
          expect.fail(`PROPERTY_SEED=${seed + n}:\n${story}\n${error}`);
        }
      }
    },
    isLong ? 3_600_000 : 300_000,
  );
});
