/**
 * `npm run test:cluster`: the tests that drive a server from outside, unchanged, against many processes on the engines of
 * a cluster of their own; then what breaks when its parts do. Names of test files choose among them.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tryPort } from "../src/cli/port-owner.ts";
import { processesIn } from "../src/cluster/process.ts";
import { PORTS } from "../src/cluster/topology.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
/** The half that takes longer takes 10 to 20 on two cores; whatever hangs is to be told before CI gives up. */
const HALF_MS_MAX = 35 * 60_000;
/** Tests that start engines of their own, with or without a cluster. */
const HAVE_THEIR_OWN = [
  "test/**/two-servers.test.ts",
  "test/property/at-once.test.ts",
  "test/api/{shards,shard-move,shard-reads,replicas,main-away,package}.test.ts",
  "test/kill/{kafka,lanes,relay,rolling}.test.ts",
].flatMap((pattern) => ["--exclude", pattern]);
const ENGINES = ["pgbouncer", "redis", "kafka"];

/** From nothing until all is ready. */
const UP_MS_MAX = 60_000;

const dataDir = mkdtempSync(join(tmpdir(), "roost-test-cluster-"));
chmodSync(dataDir, 0o755);
const cluster = (...args: string[]) =>
  spawnSync(process.execPath, [MAIN, "cluster", ...args, "--data-dir", dataDir], {
    stdio: "inherit",
    // All that tests ask for comes from one address.
    env: { ...process.env, RATE_LIMITS: "off" },
  }).status;

// Ctrl-C ends the tests; what was started for them is ended here, behind it.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
const basePort = await freeBasePort();
let failed = true;
try {
  const enginesMs = timedUp(...ENGINES);
  if (enginesMs !== null) {
    // What drives a server from outside comes first, while the cluster's own servers are down and take nothing from it.
    failed = !passes("e2e");
    const serversMs = timedUp();
    if (serversMs === null || isSlow(enginesMs + serversMs)) failed = true;
    if (!passes("cluster")) failed = true;
  }
} finally {
  if (cluster("down", "--purge") !== 0 || isSomethingLeft(await busyPorts(basePort))) failed = true;
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

/** Milliseconds until these groups were ready, or all; null when they didn't become so. */
function timedUp(...groups: string[]): number | null {
  const beganMs = performance.now();
  return cluster("up", ...groups, "--port", `${basePort}`) === 0 ? performance.now() - beganMs : null;
}

function isSlow(upMs: number): boolean {
  console.log(
    `The whole cluster is up in ${(upMs / 1_000).toFixed(1)} s, the engines' part before the tests.`,
  );
  if (upMs <= UP_MS_MAX) return false;
  console.log(`That's more than ${UP_MS_MAX / 1_000} s.`);
  return true;
}

/** What `down --purge` should have ended or removed. */
function isSomethingLeft(ports: readonly number[]): boolean {
  const left = [
    ...processesIn(dataDir).map((pid) => `process ${pid}`),
    ...readdirSync(dataDir).map((name) => join(dataDir, name)),
    ...ports.map((port) => `port ${port}`),
  ];
  if (left.length > 0) console.log(`The cluster has left something behind: ${left.join(", ")}`);
  return left.length > 0;
}

/** Below the ports that the kernel gives out by itself, with room for the whole cluster after it. */
async function freeBasePort(): Promise<number> {
  for (let base = 20_000; base < 30_000; base += 100) {
    if ((await busyPorts(base)).length === 0) return base;
  }
  throw new Error(`no ${PORTS} free ports in a row were found between 20000 and 30000`);
}

/** Those of a cluster's ports that somebody has. */
async function busyPorts(base: number): Promise<number[]> {
  const ports = Array.from({ length: PORTS }, (_, n) => base + n);
  const tried = await Promise.all(ports.map((port) => tryPort("127.0.0.1", port)));
  return ports.filter((_, n) => tried[n]?.problem !== null);
}
