/** What doctor asks of the machine: Node, port, disk, clock, open files. */
import { mkdtemp, readFile, rm, stat, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../../config.ts";
import { systemClock } from "../../core/clock.ts";
import { closestTo, problemOfFolder } from "../data-folder.ts";
import { explainPort, ownerOf, tryPort } from "../port-owner.ts";
import type { Check, Finding } from "./command.ts";

const NODE_MAJOR_MIN = 24;
const OPEN_FILES_MIN = 1_024;
const OPEN_FILES_GOOD = 4_096;
const FREE_BYTES_MIN = 512 * 1024 ** 2;
const FREE_BYTES_GOOD = 2 * 1024 ** 3;
const CLOCK_SKEW_MS_MAX = 5_000;

export const machineChecks: readonly Check[] = [
  { name: "Node", run: node },
  { name: "Port", run: ({ config }) => port(config) },
  { name: "Data folder", run: ({ config }) => dataFolder(config) },
  { name: "Disk", run: ({ config }) => disk(config) },
  { name: "Clock", run: ({ config }) => clock(config) },
  { name: "Open files", run: openFiles },
];

function node(): Finding {
  const { node: version } = process.versions;
  if (Number.parseInt(version, 10) >= NODE_MAJOR_MIN) return { status: "ok", says: `version ${version}` };
  return {
    status: "failed",
    says: `version ${version}; Roost needs ${NODE_MAJOR_MIN}`,
    mend: "run Roost as `npx roost …`, which uses the Node that npm installed with it; else run `npm ci`",
  };
}

async function port({ host, port: wanted }: Config): Promise<Finding> {
  if (wanted === 0) return { status: "ok", says: "any free one" };
  const { problem } = await tryPort(host, wanted);
  if (!problem) return { status: "ok", says: `${wanted} on ${host} is free` };
  const owner = problem.code === "EADDRINUSE" ? await ownerOf(wanted) : null;
  if (owner?.isRoost) return { status: "ok", says: `${wanted} is held by a Roost, pid ${owner.pid}` };
  const { message, hint } = await explainPort(problem, host, wanted);
  const stop = owner
    ? `kill ${owner.pid}, or start with PORT=${wanted + 1}`
    : `start with PORT=${wanted + 1}`;
  return { status: "failed", says: message, mend: hint ?? stop };
}

async function dataFolder({ dataDir }: Config): Promise<Finding> {
  const problem = problemOfFolder(dataDir);
  if (problem) return { status: "failed", says: problem.says, mend: problem.mend };
  if (closestTo(dataDir) !== dataDir)
    return { status: "ok", says: `${dataDir} will be made at the first start` };
  const open = ((await stat(dataDir)).mode & 0o002) !== 0;
  if (!open) return { status: "ok", says: `${dataDir} can be written to` };
  return {
    status: "warning",
    says: `${dataDir} can be changed by every user of this machine`,
    mend: `chmod o-w '${dataDir}'`,
  };
}

async function disk({ dataDir }: Config): Promise<Finding> {
  const { bavail, bsize } = await statfs(closestTo(dataDir));
  const freeBytes = bavail * bsize;
  const says = `${(freeBytes / 1024 ** 3).toFixed(1)} GiB free for ${dataDir}`;
  const mend = "make room there, or name a folder on another disk with DATA_DIR=…";
  if (freeBytes < FREE_BYTES_MIN) return { status: "failed", says, mend };
  return freeBytes < FREE_BYTES_GOOD ? { status: "warning", says, mend } : { status: "ok", says };
}

/** Ids hold the time, so a clock that is far off makes posts that sort wrongly for ever. */
async function clock({ dataDir }: Config): Promise<Finding> {
  const mend = "set the clock: sudo timedatectl set-ntp true";
  const nowMs = systemClock.nowMs();
  const madeMs = (await stat(new URL("../../../package.json", import.meta.url))).mtimeMs;
  if (nowMs < madeMs - 86_400_000) {
    return { status: "failed", says: "the clock is behind the files of this Roost", mend };
  }
  const skewMs = await diskSkewMs(closestTo(dataDir)).catch(() => 0);
  if (Math.abs(skewMs) > CLOCK_SKEW_MS_MAX) {
    return { status: "warning", says: `the disk's clock is ${Math.round(skewMs / 1_000)} s off ours`, mend };
  }
  return { status: "ok", says: new Date(nowMs).toISOString() };
}

async function diskSkewMs(dir: string): Promise<number> {
  const probe = await mkdtemp(join(dir, ".roost-doctor-"));
  try {
    await writeFile(join(probe, "probe"), "");
    return (await stat(join(probe, "probe"))).mtimeMs - systemClock.nowMs();
  } finally {
    await rm(probe, { recursive: true, force: true });
  }
}

async function openFiles(): Promise<Finding> {
  const limits = await readFile("/proc/self/limits", "utf8").catch(() => null);
  const soft = limits?.match(/^Max open files\s+(\d+|unlimited)/m)?.[1];
  if (soft === undefined) return { status: "skipped", says: "this system doesn't tell the limit" };
  const limit = soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
  const mend = "ulimit -n 65536 (a service: LimitNOFILE=65536)";
  if (limit < OPEN_FILES_MIN) return { status: "failed", says: `at most ${soft}`, mend };
  return limit < OPEN_FILES_GOOD
    ? { status: "warning", says: `at most ${soft}: enough for a few hundred streams`, mend }
    : { status: "ok", says: `at most ${soft}` };
}
