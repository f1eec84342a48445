import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openRoost, type Roost } from "../../src/composition.ts";
import { loadConfig } from "../../src/config.ts";
import { makeDataDir, removeDataDir } from "../support/start-roost.ts";
import { ACCOUNTS, describe, KINDS, type Step, World } from "./world.ts";

const isLong = process.env.TEST_LONG === "1";
const SEQUENCES = isLong ? 1_000 : 40;
const STEPS = 24;
const seed = Number(process.env.PROPERTY_SEED ?? Date.now() % 2 ** 31);

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(...KINDS),
  actor: fc.nat(ACCOUNTS - 1),
  target: fc.nat(ACCOUNTS - 1),
  pick: fc.nat(30),
  option: fc.nat(29),
});

let roost: Roost;
let url: string;
const dataDir = makeDataDir();

beforeAll(async () => {
  const { config } = loadConfig(
    // So short an overlap that sequences see stretches of one mode, of the other, and of both.
    {
      DATA_DIR: dataDir,
      PORT: "0",
      HOST: "127.0.0.1",
      RATE_LIMITS: "off",
      LOG_LEVEL: "error",
      FAN_OUT_SWITCH_OVERLAP_MS: "25",
    },
    {},
  );
  roost = await openRoost(config);
  url = await roost.listen();
});

afterAll(async () => {
  await roost[Symbol.asyncDispose]();
  await removeDataDir(dataDir);
});

test(`home timelines are what the model says, on every page, whatever happens (seed ${seed})`, async () => {
  const property = fc.asyncProperty(
    fc.array(step, { minLength: 4, maxLength: STEPS, size: "max" }),
    fc.integer({ min: 1, max: 7 }),
    async (steps, limit) => {
      const world = await World.create(roost, url);
      for (const one of steps) await world.take(one);
      await world.check(limit);
    },
  );
  const result = await fc.check(property, { numRuns: SEQUENCES, seed, interruptAfterTimeLimit: 3_000_000 });
  if (!result.failed) return;
  const [steps = [], limit] = result.counterexample ?? [];
  const story = steps.map((one, i) => `  ${i + 1}. ${describe(one)}`).join("\n");
  expect.fail(
    `PROPERTY_SEED=${result.seed} after ${result.numRuns} sequences, page size ${limit}:\n${story}\n${result.errorInstance}`,
  );
}, 3_600_000);
