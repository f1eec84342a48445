import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testCluster } from "../support/cluster-tenant.ts";
import { type OpenedRoost, openTestRoost } from "../support/open-roost.ts";
import { type ShardDatabases, startShardDatabases } from "../support/shard-databases.ts";
import { ACCOUNTS, KINDS, type Step, describe as told } from "./steps.ts";
import { World } from "./world.ts";

const isLong = process.env.TEST_LONG === "1";
const SEQUENCES = isLong ? 1_000 : 25;
const STEPS = 30;
const seed = Number(process.env.PROPERTY_SEED ?? Date.now() % 2 ** 31);

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(...KINDS),
  actor: fc.nat(ACCOUNTS - 1),
  target: fc.nat(ACCOUNTS - 1),
  pick: fc.nat(30),
  option: fc.nat(29),
});

let roost: OpenedRoost;
let databases: ShardDatabases | null = null;

/** A cluster of engines has its own database. */
const layouts = [
  ["in one database", []],
  ["over three databases", ["first", "second", "third"]],
] as const;

describe.each(testCluster ? layouts.slice(0, 1) : layouts)("what accounts own lies %s", (_, names) => {
  beforeAll(async () => {
    databases = names.length === 0 ? null : await startShardDatabases(names);
    // So short an overlap that sequences see stretches of one mode, of the other, and of both; and so few entries kept
    // that many posts push the floor up.
    const settings = { FAN_OUT_SWITCH_OVERLAP_MS: "25", TIMELINE_MAX_ENTRIES: "40" };
    roost = await openTestRoost({ ...settings, ...databases?.env });
  });

  afterAll(async () => {
    await roost?.[Symbol.asyncDispose]();
    await databases?.[Symbol.asyncDispose]();
  });

  test(
    `home timelines are what the model says, on every page, whatever happens (seed ${seed})`,
    async () => {
      const steps = fc.array(step, { minLength: 8, maxLength: STEPS, size: "max" });
      // Most follow each other: between strangers nothing happens.
      const pairs = fc.integer({ min: 0, max: 2 ** (ACCOUNTS * ACCOUNTS) - 1 });
      const follows = fc.tuple(pairs, pairs).map(([a, b]) => a | b);
      const pageSize = fc.integer({ min: 1, max: 7 });
      const property = fc.asyncProperty(steps, follows, pageSize, async (taken, bits, limit) => {
        const world = await World.create(roost);
        await world.begin(bits);
        for (const one of taken) await world.take(one);
        await world.check(limit);
      });
      const result = await fc.check(property, { numRuns: SEQUENCES, seed });
      if (!result.failed) return;
      const [taken = [], bits, limit] = result.counterexample ?? [];
      const story = taken.map((one, i) => `  ${i + 1}. ${told(one)}`).join("\n");
      const how = `PROPERTY_SEED=${result.seed}, sequence ${result.numRuns}, follows ${bits}, page size ${limit}`;
      expect.fail(`${how}:\n${story}\n${result.errorInstance}`);
    },
    isLong ? 3_600_000 : 600_000,
  );
});
