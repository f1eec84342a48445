/**
 * Shards go from one database to the other and back, while people post and read, and events go through Kafka: what was
 * acknowledged is there, and what can't be taken for a moment is refused clearly.
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { engineSettings } from "../../src/cluster/topology.ts";
import { LOGICAL_SHARDS } from "../../src/core/ids.ts";
import { testCluster } from "../support/cluster-tenant.ts";
import { expectHonest, healed, MAIN, roostCluster, Stage } from "./stage.ts";

/** Of one database's 512. */
const MOVED = 256;

interface Holder {
  readonly address: string;
  readonly count: number;
}

describe.skipIf(!testCluster)("shards move (needs TEST_CLUSTER)", () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.set();
  }, 180_000);

  afterAll(() => {
    roostCluster("up");
  });

  test("there and back under load: nothing acknowledged is lost", async () => {
    const [first, second] = await holders();
    expect([first, second].map((one) => one?.count)).toEqual([LOGICAL_SHARDS / 2, LOGICAL_SHARDS / 2]);
    const load = await stage.load();
    try {
      const beganMs = performance.now();
      // Even shards are the first one's, odd ones the second's, since the map was made.
      const shards = Array.from({ length: MOVED }, (_, n) => 2 * n + 1).join(",");
      for (const to of [first, second]) {
        const told = await roost("shards", "move", "--to", to?.address ?? "", "--shards", shards);
        const [, pauseMs = ""] = /no writes for (\d+) ms/.exec(told) ?? [];
        console.log(`${MOVED} shards to ${to?.address}: no writes for ${pauseMs} ms`);
        expect(Number(pauseMs)).toBeLessThan(10_000);
        const isFirst = to === first;
        expect((await holders()).map(({ count }) => count)).toEqual(
          [MOVED, -MOVED].map((more) => LOGICAL_SHARDS / 2 + (isFirst ? more : 0)),
        );
        await healed(load, "write", "shards have moved");
        await healed(load, "home", "shards have moved");
      }
      await load.stop();
      expectHonest(load, beganMs, "shard-2");
      await stage.expectNothingLost(load);
    } finally {
      await load.stop();
    }
  }, 240_000);
});

async function holders(): Promise<Holder[]> {
  const listed = JSON.parse(await roost("shards", "list", "--json")) as Holder[];
  return listed.filter(({ count }) => count > 0).sort((a, b) => (a.address < b.address ? -1 : 1));
}

/** A command on the cluster's engines. */
async function roost(...args: string[]): Promise<string> {
  const chosen = JSON.parse(readFileSync(join(testCluster ?? "", "cluster", "cluster.json"), "utf8"));
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, ...args], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      DATA_DIR: testCluster ?? "",
      ...engineSettings(chosen),
    },
  });
  return stdout;
}
