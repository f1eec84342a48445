/** Settings → engines: the only place that knows which adapter stands behind which port. */
import { join } from "node:path";
import type { Logger } from "pino";
import type { Config, ExternalDatabase } from "../config.ts";
import { systemClock } from "../core/clock.ts";
import { Unavailable, UnusableSetup } from "../core/errors.ts";
import { ROLES, type Role } from "../core/roles.ts";
import { createLogger } from "../core/telemetry/log.ts";
import { Metrics } from "../core/telemetry/metrics.ts";
import { claimDatabase } from "../engines/database/claim.ts";
import { startEmbeddedServer } from "../engines/database/embedded-server.ts";
import { problemsOfReplicas, requirePostgres, requireSameDatabase } from "../engines/database/inspect.ts";
import { Database } from "../engines/database/pools.ts";
import { ReplicaRouter } from "../engines/database/replica-router.ts";
import { type OpenedShards, openShards } from "../engines/database/shard-map.ts";
import type { KafkaEventLogOptions } from "../engines/event-log/kafka.ts";
import type { EventLog, Outbox } from "../engines/event-log/port.ts";
import { outboxOf } from "../engines/event-log/shards.ts";
import { OutboxFolderMailer } from "../engines/mailer/outbox-folder.ts";
import type { Mailer } from "../engines/mailer/port.ts";
import { FolderMediaStore } from "../engines/media-store/folder.ts";
import type { MediaStore } from "../engines/media-store/port.ts";
import { openShared, type SharedEngines } from "./shared.ts";

const STATEMENT_TIMEOUT_MS = 15_000;

export interface OpenOptions {
  /** All of them unless told; none opens the engines alone, for commands that change data while no server runs. */
  readonly roles?: readonly Role[];
  readonly log?: Logger;
}

export interface Engines extends SharedEngines {
  readonly database: Database;
  readonly log: Logger;
  readonly clock: typeof systemClock;
  readonly metrics: Metrics;
  /** Whether there are databases besides the main one. */
  readonly isSpread: boolean;
  /** All databases, the main one first. */
  readonly databases: readonly Database[];
  /** Where changes write their events. */
  readonly outbox: Outbox;
  /** Where events are consumed: the outbox itself, or Kafka, to which they are relayed. */
  readonly eventLog: EventLog;
  readonly mediaStore: MediaStore;
  readonly mailer: Mailer;
}

export async function openEngines(
  config: Config,
  options: OpenOptions,
  opened: AsyncDisposableStack,
): Promise<{ engines: Engines; failed: Promise<never> }> {
  const log = options.log ?? createLogger(config.logLevel);
  const metrics = new Metrics();
  const isServer = options.roles?.length !== 0;
  const shared = await openShared(isServer ? config.redis : null, config, { log, metrics }, opened);
  const { database, failed } = await openDatabase(config, log, opened);
  const shards = opened.use(await openShardsOf(config, database, log));
  // What is kept in the process of one server, another can't know of.
  if (isServer && config.database.kind === "external" && !shared.isShared)
    opened.use(await claimDatabase(database));
  // Timelines and caches in memory have one process only; the outbox is then nobody else's either.
  const isAlone = config.redis === null;
  const onDeadLetter = (topic: string, group: string) => metrics.deadLetters.inc({ topic, group });
  const outbox = opened.use(outboxOf(shards.all, { log, clock: systemClock, isAlone, onDeadLetter }));
  const engines = {
    database,
    log,
    clock: systemClock,
    metrics,
    isSpread: shards.all.length > 1,
    databases: shards.all,
    outbox,
    eventLog: needsEventLog(options.roles)
      ? await openEventLog(config, outbox, { log, onDeadLetter }, opened)
      : outbox,
    mediaStore: opened.use(
      await openMediaStore(config, {
        log,
        // Only who serves requests stores media, and shows them: others need no store that answers.
        isUsed: (options.roles ?? ROLES).includes("api"),
        onChange: (isAway) => metrics.mediaStoreAway.set(isAway ? 1 : 0),
      }),
    ),
    mailer: opened.use(await openMailer(config)),
    ...shared,
  };
  return { engines, failed };
}

/** Throws UnusableSetup when it is going to be used and can't be. */
export async function openMediaStore(
  { s3, dataDir }: Config,
  { isUsed, ...options }: { isUsed: boolean; log: Logger; onChange?: (isAway: boolean) => void },
): Promise<MediaStore> {
  if (!s3) return FolderMediaStore.open(join(dataDir, "media"));
  const { S3MediaStore } = await import("../engines/media-store/s3.ts");
  if (isUsed) await (await import("../engines/media-store/s3-inspect.ts")).requireS3(s3);
  return new S3MediaStore(s3, { ...options, clock: systemClock });
}

/** The client takes 4 MB, so only who sends mail loads it. */
async function openMailer({ smtp, dataDir }: Config): Promise<Mailer> {
  if (!smtp) return new OutboxFolderMailer(join(dataDir, "mail"));
  const { SmtpMailer } = await import("../engines/mailer/smtp.ts");
  return new SmtpMailer(smtp);
}

/** Who only changes things writes to the outbox. */
function needsEventLog(roles: readonly Role[] = ROLES): boolean {
  return roles.some((role) => role === "fanout" || role === "jobs" || role === "relay");
}

async function openEventLog(
  { kafka }: Config,
  outbox: Outbox,
  options: Pick<KafkaEventLogOptions, "log" | "onDeadLetter">,
  opened: AsyncDisposableStack,
): Promise<EventLog> {
  if (!kafka) return outbox;
  // The client takes 60 MB, so only who uses it loads it.
  const { KafkaEventLog } = await import("../engines/event-log/kafka.ts");
  const eventLog = opened.use(new KafkaEventLog({ ...kafka, ...options, clock: systemClock }));
  await eventLog.check().catch((error: Error) => {
    throw new UnusableSetup(
      `${error.message}: start it, correct the address, or unset KAFKA_BROKERS to read events from the database`,
      { isAway: /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT/.test(error.message) },
    );
  });
  return eventLog;
}

/** In the databases that SHARD_URLS names what accounts own is kept. */
async function openShardsOf(config: Config, main: Database, log: Logger): Promise<OpenedShards> {
  const options = {
    poolSize: config.databasePoolSize,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    log: (why: string) => log.warn({ why }, "an idle connection to a shard broke"),
  };
  for (const { url, directUrl } of config.shards) {
    await requirePostgres("SHARD_URLS", url, directUrl === url ? "direct" : "pooled");
    if (directUrl !== url) await requirePostgres("SHARD_DIRECT_URLS", directUrl, "direct");
  }
  return openShards(main, config.shards, options);
}

/** None of them needs to be there: reads go to those that are. What is there must be the right one. */
async function requireReplicas({ directUrl, replicaUrls }: ExternalDatabase, log: Logger): Promise<void> {
  if (replicaUrls.length === 0) return;
  const problems = await problemsOfReplicas(directUrl, replicaUrls);
  const wrong = problems.find(({ isAway }) => !isAway);
  if (wrong) throw new UnusableSetup(wrong.says);
  for (const { says } of problems)
    log.warn({ why: says }, "a replica can't be used: others do its reads until it can");
}

function openReplicas(
  { replicaUrls, replicaLagMsMax }: ExternalDatabase,
  poolSize: number,
  primary: Database,
  log: Logger,
): ReplicaRouter {
  const replicas = replicaUrls.map((connectionString) => {
    const name = new URL(connectionString).host;
    const told = (why: string) => log.warn({ why, replica: name }, "an idle connection to a replica broke");
    const options = { connection: { connectionString }, poolSize, statementTimeoutMs: STATEMENT_TIMEOUT_MS };
    return { name, database: new Database({ ...options, log: told }) };
  });
  return new ReplicaRouter(primary, replicas, { lagMsMax: replicaLagMsMax, clock: systemClock, log });
}

async function openDatabase(config: Config, log: Logger, opened: AsyncDisposableStack) {
  const embedded =
    config.database.kind === "embedded"
      ? opened.use(await startEmbeddedServer({ dataDir: config.dataDir, log: (line) => log.info(line) }))
      : null;
  const failed = embedded
    ? embedded.crashed.then((why): never => {
        throw new Unavailable(`The embedded PostgreSQL has stopped: ${why}`);
      })
    : new Promise<never>(() => {});
  failed.catch(() => {});
  const connection =
    config.database.kind === "external"
      ? { connectionString: config.database.url }
      : (embedded?.connection ?? {});
  if (config.database.kind === "external") {
    const { url, directUrl } = config.database;
    await requirePostgres("DATABASE_URL", url, directUrl === url ? "direct" : "pooled");
    if (directUrl !== url) await requirePostgres("DATABASE_DIRECT_URL", directUrl, "direct");
    await requireReplicas(config.database, log);
  }
  const isPooled = config.database.kind === "external" && config.database.directUrl !== config.database.url;
  const database = opened.use(
    new Database({
      connection,
      ...(isPooled ? { direct: { connectionString: config.database.directUrl } } : {}),
      poolSize: config.databasePoolSize,
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
      log: (why) => log.warn({ why }, "an idle database connection broke"),
    }),
  );
  if (config.database.kind === "external" && config.database.replicaUrls.length > 0)
    database.replicas = opened.use(openReplicas(config.database, config.databasePoolSize, database, log));
  const applied = await database.migrate();
  if (applied.length > 0) log.info({ applied }, "the database schema was brought up to date");
  if (config.database.kind === "external" && isPooled) {
    const { url, directUrl } = config.database;
    await requireSameDatabase(database, ["DATABASE_URL", url], ["DATABASE_DIRECT_URL", directUrl]);
  }
  return { database, failed };
}
