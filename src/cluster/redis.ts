/**
 * Real Redis servers on loopback in the three forms that REDIS_URL knows: one server, a primary with a replica watched
 * by sentinels, and a cluster. They keep nothing on disk: what is in Redis may be lost at any time.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { sleep } from "../core/clock.ts";
import { Unavailable } from "../core/errors.ts";
import { freePort, launch, type ManagedProcess } from "./process.ts";

export interface RedisOptions {
  readonly form: "single" | "sentinel" | "cluster";
  /** For configurations, logs and records. */
  readonly folder: string;
  /** Of the servers first, then of the sentinels. Where none is given, a free one is taken. */
  readonly ports?: readonly number[];
  /** Replicas: of the primary (sentinel; 1 unless given), or of each primary of the cluster (none unless given). */
  readonly replicas?: number;
  /** 3 unless given; 1 is up sooner. */
  readonly sentinels?: number;
  /** Until a server that doesn't answer counts as lost, by its sentinels or its cluster. */
  readonly downAfterMs?: number;
  /** More lines for the configuration of each server, such as `["maxmemory 100mb"]`. */
  readonly settings?: readonly string[];
}

export interface RedisServers extends AsyncDisposable {
  /** For REDIS_URL. */
  readonly url: string;
  /** Names of the servers and sentinels: redis-1, redis-2 …, sentinel-1 … The primaries come first. */
  readonly nodes: readonly string[];
  portOf(node: string): number;
  pidOf(node: string): number;
  /** SIGKILL: what it held is gone. */
  kill(node: string): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers. */
  freeze(node: string): void;
  thaw(node: string): void;
  /** Starts a node that was killed again, empty, on its port. */
  restart(node: string): Promise<void>;
}

const CLUSTER_PRIMARIES = 3;
const SLOTS = 16_384;
const READY_MS_MAX = 10_000;
const POLL_MS = 20;
const SENTINEL_GROUP = "roost";

export async function startRedis(options: RedisOptions): Promise<RedisServers> {
  await using starting = new Servers(options.folder);
  const { form, replicas = form === "sentinel" ? 1 : 0, downAfterMs = 1_000 } = options;
  const primaries = form === "cluster" ? CLUSTER_PRIMARIES : 1;
  const ports = [...(options.ports ?? [])];
  const nextPort = async () => ports.shift() ?? freePort();
  const places = Array.from({ length: primaries * (1 + replicas) }, (_, i) => i);
  const servers = await Promise.all(
    places.map(async (i) => ({ name: `redis-${i + 1}`, port: await nextPort() })),
  );
  const primary = servers[0] as (typeof servers)[number];
  await Promise.all(
    servers.map(async ({ name, port }, i) =>
      starting.start(name, port, "redis-server", [
        ...SERVER_SETTINGS,
        ...(form === "cluster" ? await clusterSettings(downAfterMs) : []),
        ...(form === "sentinel" && i > 0 ? [`replicaof 127.0.0.1 ${primary.port}`] : []),
        ...(options.settings ?? []),
      ]),
    ),
  );
  const addresses = (from: readonly { port: number }[]) =>
    from.map(({ port }) => `127.0.0.1:${port}`).join(",");
  let url = `redis://127.0.0.1:${primary.port}`;
  if (form === "cluster") {
    await formCluster(servers.map(({ port }) => port));
    url = `redis+cluster://${addresses(servers)}`;
  }
  if (form === "sentinel") {
    await Promise.all(servers.slice(1).map(({ port }) => until(port, /master_link_status:up/, "info")));
    const count = options.sentinels ?? 3;
    const sentinels = await Promise.all(
      Array.from({ length: count }, async (_, i) => ({ name: `sentinel-${i + 1}`, port: await nextPort() })),
    );
    const quorum = Math.floor(count / 2) + 1;
    await Promise.all(
      sentinels.map(({ name, port }) =>
        starting.start(name, port, "redis-sentinel", [
          `sentinel monitor ${SENTINEL_GROUP} 127.0.0.1 ${primary.port} ${quorum}`,
          `sentinel down-after-milliseconds ${SENTINEL_GROUP} ${downAfterMs}`,
          `sentinel failover-timeout ${SENTINEL_GROUP} 5000`,
        ]),
      ),
    );
    // Until then there is nobody to vote, or nothing to fail over to.
    const complete = new RegExp(`slaves=${replicas},sentinels=${count}\\b`);
    await Promise.all(sentinels.map(({ port }) => until(port, complete, "info")));
    url = `redis+sentinel://${addresses(sentinels)}/${SENTINEL_GROUP}`;
  }
  return starting.move(url);
}

const SERVER_SETTINGS = ['save ""', "appendonly no", "repl-diskless-sync-delay 0", "repl-timeout 5"];

async function clusterSettings(downAfterMs: number): Promise<string[]> {
  return [
    "cluster-enabled yes",
    // Beside the port plus 10,000, which may be taken or no port at all.
    `cluster-port ${await freePort()}`,
    `cluster-node-timeout ${downAfterMs}`,
    // A part of the cluster that is lost takes its own slots with it, not everybody's.
    "cluster-require-full-coverage no",
  ];
}

/** What `redis-cli --cluster create` does, without its waiting. The first three ports become the primaries. */
async function formCluster(ports: readonly number[]): Promise<void> {
  const connections = ports.map((port) => connectTo(port));
  try {
    const ids = await Promise.all(connections.map((redis) => redis.cluster("MYID")));
    const width = Math.ceil(SLOTS / CLUSTER_PRIMARIES);
    await Promise.all(
      connections.map(async (redis, i) => {
        await redis.call("CLUSTER", "SET-CONFIG-EPOCH", `${i + 1}`);
        const last = Math.min(SLOTS, (i + 1) * width) - 1;
        if (i < CLUSTER_PRIMARIES) await redis.call("CLUSTER", "ADDSLOTSRANGE", `${i * width}`, `${last}`);
      }),
    );
    const [first, ...others] = connections;
    for (const other of others) {
      const bus = (await other.config("GET", "cluster-port")) as string[];
      await first?.call("CLUSTER", "MEET", "127.0.0.1", `${other.options.port}`, `${bus[1]}`);
    }
    const known = new RegExp(
      ["cluster_state:ok", `cluster_slots_ok:${SLOTS}`, `cluster_known_nodes:${ports.length}\\b`].join(
        "[^]*",
      ),
    );
    await Promise.all(ports.map((port) => until(port, known, "cluster", "info")));
    await Promise.all(
      connections.slice(CLUSTER_PRIMARIES).map(async (redis, i) => {
        await redis.call("CLUSTER", "REPLICATE", `${ids[i % CLUSTER_PRIMARIES]}`);
        await until(redis.options.port ?? 0, /master_link_status:up/, "info");
      }),
    );
  } finally {
    for (const redis of connections) redis.disconnect();
  }
}

interface Node {
  readonly port: number;
  readonly launch: () => Promise<ManagedProcess>;
  process: ManagedProcess;
}

class Servers implements RedisServers {
  readonly #folder: string;
  #nodes = new Map<string, Node>();
  url = "";

  constructor(folder: string) {
    this.#folder = folder;
  }

  get nodes(): readonly string[] {
    const byName = new Intl.Collator("en", { numeric: true });
    return [...this.#nodes.keys()].sort(byName.compare);
  }

  portOf(name: string): number {
    return this.#node(name).port;
  }

  pidOf(name: string): number {
    return this.#node(name).process.record.pid;
  }

  async start(name: string, port: number, command: string, settings: readonly string[]): Promise<void> {
    const folder = join(this.#folder, name);
    mkdirSync(folder, { recursive: true });
    const file = join(folder, "redis.conf");
    // Sentinels write into theirs what they learn; after a restart they go on from there.
    const lines = ["bind 127.0.0.1", `port ${port}`, `dir ${folder}`, ...settings];
    writeFileSync(file, `${lines.join("\n")}\n`);
    chmodSync(file, 0o600);
    const start = () =>
      launch({
        name,
        folder: this.#folder,
        command,
        args: [file],
        isReady: () => askRedis(port, "ping").then(Boolean, isRefusal),
        readyMsMax: READY_MS_MAX,
      });
    this.#nodes.set(name, { port, launch: start, process: await start() });
  }

  /** What was started, under a new owner. */
  move(url: string): RedisServers {
    const moved = new Servers(this.#folder);
    moved.url = url;
    moved.#nodes = this.#nodes;
    this.#nodes = new Map();
    return moved;
  }

  kill(name: string): Promise<void> {
    return this.#node(name).process.stop(0);
  }

  freeze(name: string): void {
    this.#node(name).process.signal("SIGSTOP");
  }

  thaw(name: string): void {
    this.#node(name).process.signal("SIGCONT");
  }

  async restart(name: string): Promise<void> {
    const node = this.#node(name);
    await node.process.stop(0);
    node.process = await node.launch();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // There is nothing that they would have to finish.
    await Promise.all([...this.#nodes.values()].map((node) => node.process.stop(0)));
  }

  #node(name: string): Node {
    const node = this.#nodes.get(name);
    if (!node) throw new Error(`there is no ${name} among ${this.nodes.join(", ")}`);
    return node;
  }
}

function connectTo(port: number): Redis {
  const redis = new Redis({ host: "127.0.0.1", port, retryStrategy: () => null, connectTimeout: 1_000 });
  // Told by the command that fails, too.
  redis.on("error", () => {});
  return redis;
}

/** One command to the server on a port of loopback. */
export async function askRedis(port: number, command: string, ...args: string[]): Promise<unknown> {
  const redis = connectTo(port);
  try {
    return await redis.call(command, ...args);
  } finally {
    redis.disconnect();
  }
}

/** One that wants a password answers, too. */
function isRefusal(error: Error): boolean {
  return error.message.startsWith("NOAUTH");
}

async function until(port: number, wanted: RegExp, command: string, ...args: string[]): Promise<void> {
  const deadlineMs = performance.now() + READY_MS_MAX;
  while (performance.now() < deadlineMs) {
    if (wanted.test(`${await askRedis(port, command, ...args).catch(() => "")}`)) return;
    await sleep(POLL_MS);
  }
  throw new Unavailable(`the Redis on port ${port} never told ${wanted} within ${READY_MS_MAX / 1_000} s`);
}

/** Whether the programs are there. */
export function hasRedis(): boolean {
  return spawnSync("redis-server", ["--version"], { stdio: "ignore" }).status === 0;
}
