/** Roosts in this process, with a streaming replica whose replay can be paused, and every statement counted. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { answers, startPlainPostgres } from "../../src/cluster/plain-postgres.ts";
import { find, freePort, launchAgain } from "../../src/cluster/process.ts";
import { startRedis } from "../../src/cluster/redis.ts";
import { openRoost, type Roost } from "../../src/composition.ts";
import { loadConfig } from "../../src/config.ts";
import { freezeAll } from "./freeze.ts";
import { waitFor } from "./wait.ts";

export interface ReplicaStage extends AsyncDisposable {
  /** Where to read. */
  readonly roost: Roost;
  readonly url: string;
  /** Where to write: another server, if there are two. */
  readonly writingUrl: string;
  /** Of the servers, if there are two; empty otherwise. */
  readonly redisUrl: string;
  /** Runs a statement on the primary. */
  onPrimary(text: string): Promise<void>;
  takesReads(): boolean;
  pauseReplay(): Promise<void>;
  resumeReplay(): Promise<void>;
  /** Resolves when the replica has all that is written by now, and is known to. */
  caughtUp(): Promise<void>;
  stopReplica(): Promise<void>;
  startReplica(): Promise<void>;
  /** With its connections open, and none of its processes answering; what is returned ends that. */
  freezePrimary(): () => void;
  killPrimary(): Promise<void>;
  startPrimary(): Promise<void>;
  /** How many statements each of them was sent while `work` ran, without what watches over them. */
  statementsOf(work: () => Promise<unknown>): Promise<{ primary: string[]; replica: string[] }>;
}

/**
 * With `shards`, what accounts own is spread over the main database and another, which has no replica; or over these
 * databases. With `servers`, two Roosts share a Redis.
 */
export async function openReplicaStage(options: {
  lagMsMax: number;
  shards: boolean | readonly string[];
  servers: boolean;
}): Promise<ReplicaStage> {
  await using opened = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "roost-replica-"));
  opened.defer(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  const [port = 0, replicaPort = 0] = [await freePort(), await freePort()];
  const names = ["primary", "replica"];
  opened.defer(async () => {
    for (const name of names.toReversed()) await find(folder, name)?.stop(5_000, "SIGINT");
  });
  const databases = options.shards === true ? ["roost", "shard"] : ["roost"];
  await startPlainPostgres({ folder, ports: [port, replicaPort], names, databases });
  const urlOf = (at: number, database: string) => `postgres://roost@127.0.0.1:${at}/${database}`;
  const redisUrl = options.servers ? (await redisIn(folder, opened)).url : "";
  const here = options.shards === true ? databases.map((name) => urlOf(port, name)) : [];
  const shardUrls = typeof options.shards === "object" ? options.shards : here;
  const settings = {
    DATABASE_URL: urlOf(port, "roost"),
    DATABASE_REPLICA_URLS: urlOf(replicaPort, "roost"),
    REPLICA_LAG_MS_MAX: `${options.lagMsMax}`,
    ...(shardUrls.length > 0 ? { SHARD_URLS: shardUrls.join(",") } : {}),
    ...(options.servers ? { REDIS_URL: redisUrl } : {}),
    PORT: "0",
    HOST: "127.0.0.1",
    RATE_LIMITS: "off",
    LOG_LEVEL: "silent",
  };
  const open = async (name: string) => {
    const config = loadConfig({ ...settings, DATA_DIR: join(folder, name) }).config;
    return opened.use(await openRoost(config));
  };
  const roost = await open("data");
  const writing = options.servers ? await open("data-2") : roost;
  const replicas = roost.database.replicas;
  if (!replicas) throw new Error("a Roost with a replica's address has no replicas");
  const url = await roost.listen();
  const writingUrl = writing === roost ? url : await writing.listen();
  const takesReads = () => replicas.states().every((state) => state.takesReads);
  const onReplica = <Row>(text: string) => queryAt<Row>(urlOf(replicaPort, "roost"), text);
  await waitFor(takesReads, 10_000, "the replica takes reads");
  // What a process hasn't heard of it reads from the primary, until it can be no newer than replicas are. With its first
  // request it begins to hear what others write.
  await fetch(`${url}/api/v1/instance`);
  const isSeeing = () => roost.api.recentWrites.reading([]).minLsn !== null;
  await waitFor(isSeeing, options.lagMsMax + 5_000, "what was written before the start is old");
  const startAgain = async (name: string, at: number) =>
    void (await launchAgain({ folder, name, isReady: () => answers(at), readyMsMax: 30_000 }));
  const closing = opened.move();
  return {
    roost,
    url,
    writingUrl,
    redisUrl,
    onPrimary: async (text) => void (await queryAt(urlOf(port, "roost"), text)),
    takesReads,
    pauseReplay: async () => {
      await onReplica("select pg_wal_replay_pause()");
      const isPaused = async () => {
        const [row] = await onReplica<{ state: string }>("select pg_get_wal_replay_pause_state() as state");
        return row?.state === "paused";
      };
      await waitFor(isPaused, 5_000, "replay is paused");
    },
    resumeReplay: async () => void (await onReplica("select pg_wal_replay_resume()")),
    caughtUp: async () => {
      const lsn = await replicas.currentLsn();
      const hasCome = async () => {
        return (await replicas.read({ minLsn: lsn, staleMs: 0 }, async (db) => db)) !== roost.database.db;
      };
      await waitFor(hasCome, 15_000, "the replica has caught up");
    },
    freezePrimary: () => freezeAll(find(folder, "primary")?.record.pid ?? 0),
    killPrimary: async () => void (await find(folder, "primary")?.stop(0)),
    startPrimary: () => startAgain("primary", port),
    stopReplica: async () => void (await find(folder, "replica")?.stop(5_000, "SIGINT")),
    startReplica: () => startAgain("replica", replicaPort),
    statementsOf: (work) => statementsOf(port, replicaPort, work),
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

async function redisIn(folder: string, opened: AsyncDisposableStack) {
  const redis = join(folder, "redis");
  mkdirSync(redis);
  return opened.use(await startRedis({ form: "single", folder: redis, downAfterMs: 500 }));
}

async function queryAt<Row>(connectionString: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query(text)).rows as Row[];
  } finally {
    await client.end();
  }
}

/** The watch over replicas, consumers that look for events, and tasks that look for what search lacks. */
const BACKGROUND =
  /pg_(current_wal|last_wal_replay)_lsn|event_(log|offsets)|from search_progress p$|exists \(select 1 from accounts where words is null\)/;

async function statementsOf(port: number, replicaPort: number, work: () => Promise<unknown>) {
  const sent = new Map<number, string[]>([
    [port, []],
    [replicaPort, []],
  ]);
  const { query } = pg.Client.prototype;
  pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
    const [first] = args;
    const text = typeof first === "string" ? first : ((first as { text?: string } | null)?.text ?? "");
    if (!BACKGROUND.test(text)) sent.get(this.port)?.push(text);
    return Reflect.apply(query, this, args);
  } as typeof query;
  try {
    await work();
  } finally {
    pg.Client.prototype.query = query;
  }
  return { primary: sent.get(port) ?? [], replica: sent.get(replicaPort) ?? [] };
}
