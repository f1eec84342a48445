/**
 * Every part of a whole cluster is killed and frozen in turn while people post, delete, favourite, follow, block and read.
 * What a write can't be sure of is refused with 503 and Retry-After; reads go on where they can; afterwards everything
 * heals, and nothing that was acknowledged is lost.
 */
import { afterAll, beforeAll, describe, test } from "vitest";
import { testCluster } from "../support/cluster-tenant.ts";
import {
  expectHonest,
  FRONT,
  healed,
  nodeThatIs,
  refused,
  roostCluster,
  roostClusterUnderLoad,
  Stage,
  suffered,
} from "./stage.ts";

const HELD_MS = 4_000;
/** Which node that is changes with every fail-over. */
const A_REPLICA = "a replica";

/** What people may notice while a part is away: nothing lasting, refusals until it is back, or such for some of them. */
type Notice = "moments" | "until it is back" | "for some until it is back";
interface Row {
  readonly part: string;
  readonly posts: Notice;
  readonly reads: Notice;
}

const MATRIX: readonly Row[] = [
  { part: "primary", posts: "until it is back", reads: "moments" },
  { part: A_REPLICA, posts: "moments", reads: "moments" },
  { part: "etcd", posts: "moments", reads: "moments" },
  { part: "shard-1", posts: "for some until it is back", reads: "for some until it is back" },
  { part: "pgbouncer-1", posts: "for some until it is back", reads: "for some until it is back" },
  { part: "pgbouncer", posts: "until it is back", reads: "until it is back" },
  { part: "redis-2", posts: "moments", reads: "moments" },
  { part: "kafka-1", posts: "moments", reads: "moments" },
  { part: "api-1", posts: "moments", reads: "moments" },
  { part: "fanout-1", posts: "moments", reads: "moments" },
  { part: "jobs-1", posts: "moments", reads: "moments" },
  { part: "relay-1", posts: "moments", reads: "moments" },
  { part: FRONT, posts: "until it is back", reads: "until it is back" },
];

describe.skipIf(!testCluster)("a whole cluster (needs TEST_CLUSTER)", () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.set();
  }, 180_000);

  afterAll(() => {
    roostCluster("up");
  });

  const cases = MATRIX.flatMap((row) => (["kill", "freeze"] as const).map((fault) => ({ ...row, fault })));
  test.each(cases)(
    "$fault $part: posts suffer $posts, reads $reads; nothing acknowledged is lost",
    async ({ part: named, fault, posts, reads }) => {
      const part = named === A_REPLICA ? nodeThatIs(A_REPLICA).name : named;
      const load = await stage.load();
      try {
        const beganMs = performance.now();
        await roostClusterUnderLoad(fault, part);
        await new Promise((resolve) => setTimeout(resolve, HELD_MS));
        if (posts === "moments") await healed(load, "write", "others take over");
        else if (posts === "until it is back") await refused(load, "write", beganMs);
        if (reads === "moments") await healed(load, "home", "others take over");
        else if (reads === "until it is back") await refused(load, "home", beganMs);
        await roostClusterUnderLoad(fault === "kill" ? "start" : "thaw", part);
        await healed(load, "write", `${part} is back`);
        await healed(load, "home", `${part} is back`);
        await load.stop();
        console.log(
          `${fault} ${named}: ${suffered(load, "write", beganMs)}; ${suffered(load, "home", beganMs)}`,
        );
        expectHonest(load, beganMs, part);
        await stage.expectNothingLost(load);
      } finally {
        await load.stop();
        roostCluster("up");
      }
    },
    180_000,
  );
});
