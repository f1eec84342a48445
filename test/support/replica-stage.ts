/** A Roost in this process, with a streaming replica whose replay can be paused, and every statement counted. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { answers, startPlainPostgres } from "../../src/cluster/plain-postgres.ts";
import { find, freePort, launchAgain } from "../../src/cluster/process.ts";
import { openRoost, type Roost } from "../../src/composition.ts";
import { loadConfig } from "../../src/config.ts";
import { waitFor } from "./wait.ts";

export interface ReplicaStage extends AsyncDisposable {
  readonly roost: Roost;
  readonly url: string;
  takesReads(): boolean;
  pauseReplay(): Promise<void>;
  resumeReplay(): Promise<void>;
  /** Resolves when the replica has all that is written by now, and is known to. */
  caughtUp(): Promise<void>;
  stopReplica(): Promise<void>;
  startReplica(): Promise<void>;
  /** How many statements each of them was sent while `work` ran, without what watches over them. */
  statementsOf(work: () => Promise<unknown>): Promise<{ primary: string[]; replica: string[] }>;
}

/** With `shards`, what accounts own is spread over the main database and another, which has no replica. */
export async function openReplicaStage(options: {
  lagMsMax: number;
  shards: boolean;
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
  const databases = options.shards ? ["roost", "shard"] : ["roost"];
  await startPlainPostgres({ folder, ports: [port, replicaPort], names, databases });
  const urlOf = (at: number, database: string) => `postgres://roost@127.0.0.1:${at}/${database}`;
  const settings = {
    DATABASE_URL: urlOf(port, "roost"),
    DATABASE_REPLICA_URLS: urlOf(replicaPort, "roost"),
    REPLICA_LAG_MS_MAX: `${options.lagMsMax}`,
    ...(options.shards ? { SHARD_URLS: databases.map((name) => urlOf(port, name)).join(",") } : {}),
    DATA_DIR: join(folder, "data"),
    PORT: "0",
    HOST: "127.0.0.1",
    RATE_LIMITS: "off",
    LOG_LEVEL: "silent",
  };
  const roost = opened.use(await openRoost(loadConfig(settings).config));
  const replicas = roost.database.replicas;
  if (!replicas) throw new Error("a Roost with a replica's address has no replicas");
  const url = await roost.listen();
  const takesReads = () => replicas.states().every((state) => state.takesReads);
  const onReplica = async <Row>(text: string) => {
    const client = new pg.Client({ connectionString: urlOf(replicaPort, "roost") });
    await client.connect();
    try {
      return (await client.query(text)).rows as Row[];
    } finally {
      await client.end();
    }
  };
  await waitFor(takesReads, 10_000, "the replica takes reads");
  // What a process hasn't heard of it reads from the primary, until it can be no newer than replicas are.
  const isSeeing = () => roost.api.recentWrites.reading([]).minLsn !== null;
  await waitFor(isSeeing, options.lagMsMax + 5_000, "what was written before the start is old");
  const closing = opened.move();
  return {
    roost,
    url,
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
    stopReplica: async () => void (await find(folder, "replica")?.stop(5_000, "SIGINT")),
    startReplica: async () => {
      const isReady = () => answers(replicaPort);
      await launchAgain({ folder, name: "replica", isReady, readyMsMax: 30_000 });
    },
    statementsOf: (work) => statementsOf(port, replicaPort, work),
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

/** The watch over replicas, and consumers that look for events. */
const BACKGROUND = /pg_(current_wal|last_wal_replay)_lsn|event_log/;

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
