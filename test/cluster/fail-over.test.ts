/**
 * The primary of the database is lost while people post and read: killed with its watcher, or frozen as a machine that
 * hangs. Another takes its place by itself within 30 s, writes are refused clearly meanwhile, reads go on, and what was
 * acknowledged is there. The old one, back again, follows the new and never takes a write.
 */
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MAP_LEASE_MS } from "../../src/engines/database/shard-map.ts";
import { testCluster } from "../support/cluster-tenant.ts";
import { waitFor } from "../support/wait.ts";
import type { Load } from "./load.ts";
import {
  expectHonest,
  healed,
  nodeThatIs,
  partsNow,
  refused,
  roostCluster,
  Stage,
  suffered,
} from "./stage.ts";

const WRITES_BACK_MS_MAX = 30_000;
const REJOINED_MS_MAX = 60_000;
const PAGE_MS_MAX = 5_000;
/** As a share of all: that of such moments in the time without a primary. */
const REFUSED_PAGES_MAX = 0.1;
/** Tried from the moment it is back until long after it has noticed. */
const TRIED_MS = 10_000;
const ATTEMPT_MS_MAX = 1_000;

describe.skipIf(!testCluster)("the primary is lost (needs TEST_CLUSTER)", () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.set();
  }, 180_000);

  afterAll(() => {
    roostCluster("up");
  });

  test.each(["kill", "freeze"] as const)(
    "%s: another takes over within 30 s, nothing acknowledged is lost, the old one follows",
    async (fault) => {
      const old = nodeThatIs("the primary");
      const load = await stage.load();
      try {
        const beganMs = performance.now();
        roostCluster(fault, old.name);
        await refused(load, "write", beganMs);
        // On shards posts go on until the lease on their map ends: that isn't another primary yet.
        await new Promise((resolve) => setTimeout(resolve, 2 * MAP_LEASE_MS));
        await healed(load, "write", "another is the primary");
        const writesBackMs = refusedUntil(load, beganMs) - beganMs;
        console.log(`${fault} of the primary: writes were back after ${(writesBackMs / 1_000).toFixed(1)} s`);
        console.log(suffered(load, "home", beganMs));
        // In the first moment nobody knows of the loss yet, and in the last one server may hear from another that reaches
        // the new primary before it does itself.
        const homes = load.told.filter(({ what, atMs }) => what === "home" && atMs >= beganMs);
        expect(homes.length).toBeGreaterThan(100);
        expect(homes.filter(({ status }) => status !== 200).length / homes.length).toBeLessThan(
          REFUSED_PAGES_MAX,
        );
        expect(Math.max(...homes.map(({ tookMs }) => tookMs))).toBeLessThan(PAGE_MS_MAX);
        expect(writesBackMs).toBeLessThan(WRITES_BACK_MS_MAX);
        expect(nodeThatIs("the primary").name).not.toBe(old.name);
        await healed(load, "home", "another is the primary");

        const [port = 0] = old.ports;
        const tries = writesTaken(port);
        roostCluster(fault === "kill" ? "start" : "thaw", old.name);
        expect(await tries, "writes that the old primary took").toBe(0);
        const isReplica = () =>
          partsNow().some(({ name, what }) => name === old.name && what.startsWith("a replica"));
        await waitFor(isReplica, REJOINED_MS_MAX, `${old.name} follows the new primary`);
        await healed(load, "write", `${old.name} is back`);
        await load.stop();
        expectHonest(load, beganMs, old.name);
        await stage.expectNothingLost(load);
      } finally {
        await load.stop();
        roostCluster("up");
      }
    },
    240_000,
  );

  test("its watcher alone is killed: PostgreSQL runs on, but another is the primary, and nothing is lost", async () => {
    const old = nodeThatIs("the primary");
    const load = await stage.load();
    try {
      const beganMs = performance.now();
      process.kill(old.pid ?? 0, "SIGKILL");
      await refused(load, "write", beganMs);
      // Until its lock runs out it is the primary, and may take writes by right.
      const isAnother = () =>
        partsNow().some(({ name, what }) => name !== old.name && what.startsWith("the primary"));
      await waitFor(isAnother, WRITES_BACK_MS_MAX, "another is the primary");
      await healed(load, "write", "another is the primary");
      // It still believes to be the primary: what it would take, it can't acknowledge.
      expect(await writesTaken(old.ports[0] ?? 0), "writes that the old primary took").toBe(0);
      roostCluster("start", old.name);
      const isReplica = () =>
        partsNow().some(({ name, what }) => name === old.name && what.startsWith("a replica"));
      await waitFor(isReplica, REJOINED_MS_MAX, `${old.name} follows the new primary`);
      await healed(load, "write", `${old.name} is back`);
      await load.stop();
      expectHonest(load, beganMs, old.name);
      await stage.expectNothingLost(load);
    } finally {
      await load.stop();
      roostCluster("up");
    }
  }, 240_000);
});

/** When the last write was refused. */
function refusedUntil(load: Load, fromMs: number): number {
  const refusals = load.told.filter(
    (one) => one.what === "write" && one.atMs >= fromMs && one.status !== 200,
  );
  return Math.max(fromMs, ...refusals.map(({ atMs }) => atMs));
}

/** How many of many writes straight to this node were acknowledged. */
async function writesTaken(port: number): Promise<number> {
  const untilMs = performance.now() + TRIED_MS;
  let taken = 0;
  while (performance.now() < untilMs) {
    const client = new pg.Client({
      host: "127.0.0.1",
      port,
      user: "roost",
      database: "roost",
      connectionTimeoutMillis: ATTEMPT_MS_MAX,
      query_timeout: ATTEMPT_MS_MAX,
    });
    client.on("error", () => {});
    try {
      await client.connect();
      await client.query("create table written_to_the_old_primary ()");
      taken++;
      await client.query("drop table written_to_the_old_primary");
    } catch {
      // Refused, or not answered: what is asked for.
    } finally {
      await client.end().catch(() => {});
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return taken;
}
