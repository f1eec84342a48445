/**
 * `npm run test:cluster`: the tests that drive a server from outside, unchanged, against many processes on the engines of
 * a cluster of their own; then what breaks when its parts do. Names of test files choose among them.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tryPort } from "../src/cli/port-owner.ts";
import { PORTS } from "../src/cluster/topology.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
/** The half that takes longer takes 17 on two cores; whatever hangs is to be told before CI gives up. */
const HALF_MS_MAX = 35 * 60_000;
/** Tests that start engines of their own, with or without a cluster. */
const HAVE_THEIR_OWN = [
  "test/**/two-servers.test.ts",
  "test/property/at-once.test.ts",
  "test/api/{shards,shard-move,shard-reads,replicas,package}.test.ts",
  "test/kill/{kafka,lanes,relay,rolling}.test.ts",
].flatMap((pattern) => ["--exclude", pattern]);
const ENGINES = ["pgbouncer", "redis", "kafka"];

const dataDir = mkdtempSync(join(tmpdir(), "roost-test-cluster-"));
chmodSync(dataDir, 0o755);
const cluster = (...args: string[]) =>
  spawnSync(process.execPath, [MAIN, "cluster", ...args, "--data-dir", dataDir], { stdio: "inherit" }).status;

// Ctrl-C ends the tests; what was started for them is ended here, behind it.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
let failed = true;
try {
  if (cluster("up", ...ENGINES, "--port", `${await freeBasePort()}`) === 0) {
    // What drives a server from outside comes first, while the cluster's own servers are down and take nothing from it.
    failed = !["e2e", "cluster"].map(passes).every(Boolean);
  }
} finally {
  cluster("down", "--purge");
  rmSync(dataDir, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);

function passes(project: string): boolean {
  const names = process.argv.slice(2);
  // A file may take minutes: each test is told of as it ends. Names may choose files of one half only.
  const options = ["--reporter=verbose", ...(names.length > 0 ? ["--passWithNoTests"] : [])];
  const env = { ...process.env, TEST_CLUSTER: dataDir };
  const { status, error } = spawnSync(
    "vitest",
    ["run", ...options, "--project", project, ...HAVE_THEIR_OWN, ...names],
    {
      stdio: "inherit",
      env,
      timeout: HALF_MS_MAX,
    },
  );
  if (error)
    console.log(`the tests were ended: ${error.message} (after ${HALF_MS_MAX / 60_000} minutes at most)`);
  return status === 0;
}

/** Below the ports that the kernel gives out by itself, with room for the whole cluster after it. */
async function freeBasePort(): Promise<number> {
  for (let base = 20_000; base < 30_000; base += 100) {
    const tried = await Promise.all(Array.from({ length: PORTS }, (_, n) => tryPort("127.0.0.1", base + n)));
    if (tried.every(({ problem }) => problem === null)) return base;
  }
  throw new Error("no 60 free ports in a row were found between 20000 and 30000");
}
