/** The limit of a Redis server by its own load generator: pushes, pipelined. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { askRedis } from "../src/cluster/redis.ts";

const PUSHES = 400_000;

export interface PushOptions {
  readonly port: number;
  readonly isCluster: boolean;
  readonly lists: number;
  readonly entriesMost: number;
  readonly connections: number;
  /** Commands under way on each connection. */
  readonly pipeline: number;
}

export interface Work {
  readonly rate: number;
  readonly count: number;
}

/** Pushes of 8 bytes to as many lists, each followed by a trim to as many entries: timelines as lists. */
export async function pushesWithTrims(options: PushOptions): Promise<Work> {
  const list = options.isCluster ? "{tag}:__rand_int__" : "list:__rand_int__";
  const push = await commandsPerSecond(options, ["lpush", list, "12345678"]);
  const trim = await commandsPerSecond(options, ["ltrim", list, "0", `${options.entriesMost - 1}`]);
  return { rate: 1 / (1 / push + 1 / trim), count: PUSHES };
}

async function commandsPerSecond(
  { port, isCluster, lists, connections, pipeline }: PushOptions,
  command: readonly string[],
): Promise<number> {
  const load = ["-n", `${PUSHES}`, "-r", `${lists}`, "-c", `${connections}`, "-P", `${pipeline}`];
  const args = ["-p", `${port}`, ...load, "--csv", ...(isCluster ? ["--cluster"] : []), ...command];
  const { stdout } = await promisify(execFile)("redis-benchmark", args);
  const rate = Number(stdout.trim().split("\n").at(-1)?.split(",")[1]?.replaceAll('"', ""));
  if (!(rate > 0)) throw new Error(`redis-benchmark said nothing of use: ${stdout}`);
  return rate;
}

/** A rate, and the time that the servers' main threads took for each: what others on this machine don't change. */
export async function timed(ports: readonly number[], work: () => Promise<Work>) {
  const before = await cpuSecondsOfRedis(ports);
  const { rate, count } = await work();
  return { rate, redisUs: (((await cpuSecondsOfRedis(ports)) - before) * 1e6) / count };
}

async function cpuSecondsOfRedis(ports: readonly number[]): Promise<number> {
  const infos = await Promise.all(ports.map((port) => askRedis(port, "info", "cpu")));
  const all = infos.flatMap((info) => [...`${info}`.matchAll(/used_cpu_(?:sys|user)_main_thread:([\d.]+)/g)]);
  return all.reduce((sum, [, seconds]) => sum + Number(seconds), 0);
}
