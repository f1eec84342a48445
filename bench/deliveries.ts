/** Appends of a status to timelines, a chunk of viewers at a time, against pushes and trims of redis-benchmark, pipelined. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { pino } from "pino";
import { askRedis, startRedis } from "../src/cluster/redis.ts";
import { systemClock } from "../src/core/clock.ts";
import { makeId } from "../src/core/ids.ts";
import { RedisClient } from "../src/engines/redis/client.ts";
import { RedisTimelineStore } from "../src/engines/timeline-store/redis.ts";
import { CHUNK_FOLLOWERS } from "../src/feed/fan-out.ts";
import { median, perSecond, type Row, temporaryFolder } from "./support.ts";

const VIEWERS = 10_000;
const ENTRIES = 800;
/** As many chunks as a worker delivers at a time. */
const AT_ONCE = 4;
const ROUNDS = 3;
const PUSHES = 1_000_000;
const BUILDS_AT_ONCE = 50;
const DAY_MS = 24 * 3600 * 1000;

export async function benchDeliveries(seconds: number): Promise<Row[]> {
  const single = await measure("single", seconds);
  const cluster = await measure("cluster", seconds);
  return [
    ["timelines", `${VIEWERS} of ${ENTRIES} entries, chunks of ${CHUNK_FOLLOWERS}, ${AT_ONCE} at once`],
    ["deliveries", perSecond(single.rate)],
    ["pushes with trims by redis-benchmark, pipelined", perSecond(single.pushes)],
    ["ratio (target ≥ 0.5)", single.ratio.toFixed(2)],
    ["Redis's own time for a delivery, a push with trim", `${us(single.deliveryUs)}, ${us(single.pushUs)}`],
    ["ratio of these", (single.pushUs / single.deliveryUs).toFixed(2)],
    ["bytes an entry, all overhead in (target ≤ 12)", single.bytesPerEntry.toFixed(1)],
    ["deliveries, cluster of 3 on this machine", perSecond(cluster.rate)],
    ["pushes with trims by redis-benchmark there", perSecond(cluster.pushes)],
    ["ratio", cluster.ratio.toFixed(2)],
    ["Redis's own time for a delivery, a push with trim", `${us(cluster.deliveryUs)}, ${us(cluster.pushUs)}`],
    ["ratio of these", (cluster.pushUs / cluster.deliveryUs).toFixed(2)],
  ];
}

async function measure(form: "single" | "cluster", seconds: number) {
  using folder = temporaryFolder();
  await using servers = await startRedis({ form, folder: join(folder.path, form) });
  await using client = await RedisClient.open({
    url: servers.url,
    keyPrefix: "bench",
    log: pino({ level: "warn" }),
  });
  const store = new RedisTimelineStore(client, { maxEntries: ENTRIES, idleMs: 30 * DAY_MS }, systemClock);
  const startMs = Date.now() - DAY_MS;
  const viewers = Array.from({ length: VIEWERS }, (_, i) => makeId(startMs - i, i % 1024, 0));
  const idAt = (place: number) => makeId(startMs + place, place % 1024, 0);
  const entries = Array.from({ length: ENTRIES }, (_, i) => idAt(ENTRIES - i));
  for (let i = 0; i < VIEWERS; i += BUILDS_AT_ONCE) {
    await Promise.all(
      viewers.slice(i, i + BUILDS_AT_ONCE).map(async (viewer) => {
        const ticket = await store.beginBuild(viewer);
        await store.finishBuild(viewer, ticket, { entries, floor: 0n, epoch: 0n });
      }),
    );
  }
  const chunks = Array.from({ length: VIEWERS / CHUNK_FOLLOWERS }, (_, i) =>
    viewers.slice(i * CHUNK_FOLLOWERS, (i + 1) * CHUNK_FOLLOWERS),
  );
  let next = ENTRIES;
  const deliver = async (forSeconds: number): Promise<Work> => {
    const beganMs = performance.now();
    let delivered = 0;
    const worker = async () => {
      while (performance.now() - beganMs < forSeconds * 1_000) {
        const place = ++next;
        const holding = await store.append(idAt(place), chunks[place % chunks.length] ?? []);
        delivered += holding;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return { count: delivered, rate: delivered / ((performance.now() - beganMs) / 1_000) };
  };
  await deliver(1);
  const [key = ""] = (await client.primaries("bulk")[0]?.keys("bench:*")) ?? [];
  const sizeBytes = Number(await client.primaries("bulk")[0]?.memory("USAGE", key));
  const rounds: { rate: number; pushes: number; deliveryUs: number; pushUs: number }[] = [];
  const ports = servers.nodes.map((node) => servers.portOf(node));
  for (let round = 0; round < ROUNDS; round++) {
    const pushed = await timed(ports, () => pushesPerSecond(servers.portOf("redis-1"), form));
    const delivered = await timed(ports, () => deliver(seconds / ROUNDS));
    rounds.push({
      rate: delivered.rate,
      pushes: pushed.rate,
      deliveryUs: delivered.redisUs,
      pushUs: pushed.redisUs,
    });
  }
  const middle = (of: (round: (typeof rounds)[number]) => number) => median(rounds.map(of));
  return {
    rate: middle((round) => round.rate),
    pushes: middle((round) => round.pushes),
    ratio: middle((round) => round.rate / round.pushes),
    deliveryUs: middle((round) => round.deliveryUs),
    pushUs: middle((round) => round.pushUs),
    bytesPerEntry: sizeBytes / ENTRIES,
  };
}

/** A rate, and the time that the servers' main threads took for each: what others on this machine don't change. */
async function timed(ports: readonly number[], work: () => Promise<Work>) {
  const before = await cpuSeconds(ports);
  const { rate, count } = await work();
  return { rate, redisUs: (((await cpuSeconds(ports)) - before) * 1e6) / count };
}

async function cpuSeconds(ports: readonly number[]): Promise<number> {
  const infos = await Promise.all(ports.map((port) => askRedis(port, "info", "cpu")));
  const all = infos.flatMap((info) => [...`${info}`.matchAll(/used_cpu_(?:sys|user)_main_thread:([\d.]+)/g)]);
  return all.reduce((sum, [, seconds]) => sum + Number(seconds), 0);
}

interface Work {
  readonly rate: number;
  readonly count: number;
}

const us = (value: number) => `${value.toFixed(2)} µs`;

/** Pushes of 8 bytes to as many lists, each followed by a trim to as many entries: timelines as lists. */
async function pushesPerSecond(port: number, form: "single" | "cluster"): Promise<Work> {
  const list = form === "cluster" ? "{tag}:__rand_int__" : "list:__rand_int__";
  const push = await commandsPerSecond(port, form, ["lpush", list, "12345678"]);
  const trim = await commandsPerSecond(port, form, ["ltrim", list, "0", `${ENTRIES - 1}`]);
  return { rate: 1 / (1 / push + 1 / trim), count: PUSHES };
}

async function commandsPerSecond(port: number, form: "single" | "cluster", command: string[]) {
  const { stdout } = await promisify(execFile)("redis-benchmark", [
    ...[
      "-p",
      `${port}`,
      "-n",
      `${PUSHES}`,
      "-r",
      `${VIEWERS}`,
      "-c",
      `${AT_ONCE}`,
      "-P",
      `${CHUNK_FOLLOWERS}`,
      "--csv",
    ],
    ...(form === "cluster" ? ["--cluster"] : []),
    ...command,
  ]);
  const rate = Number(stdout.trim().split("\n").at(-1)?.split(",")[1]?.replaceAll('"', ""));
  if (!(rate > 0)) throw new Error(`redis-benchmark said nothing of use: ${stdout}`);
  return rate;
}
