/** Settings → a running Roost. The only place that knows which adapter stands behind which port. */
import { join } from "node:path";
import type { Logger } from "pino";
import { ProfileCache } from "./accounts/profiles.ts";
import { deleteExpired } from "./accounts/sessions.ts";
import { TokenCache } from "./accounts/tokens.ts";
import type { ApiContext } from "./api/context.ts";
import { renderAccount } from "./api/entities/account.ts";
import { renderStatus } from "./api/entities/status.ts";
import { urlsOf } from "./api/entities/urls.ts";
import { buildServer } from "./api/server.ts";
import type { Config } from "./config.ts";
import { every, systemClock } from "./core/clock.ts";
import { Unavailable } from "./core/errors.ts";
import { timeOfIdMs } from "./core/ids.ts";
import type { Invalidate, Stale } from "./core/invalidation.ts";
import { createLogger } from "./core/telemetry/log.ts";
import { Metrics } from "./core/telemetry/metrics.ts";
import { claimDatabase } from "./engines/database/claim.ts";
import { startEmbeddedServer } from "./engines/database/embedded-server.ts";
import { listenForInvalidation } from "./engines/database/invalidation-channel.ts";
import { Database, migrate, migrationState } from "./engines/database/pools.ts";
import { EVENTS_TOPIC } from "./engines/event-log/outbox.ts";
import type { Consumer } from "./engines/event-log/port.ts";
import { PostgresEventLog } from "./engines/event-log/postgres.ts";
import { MemoryLiveBus } from "./engines/live-bus/memory.ts";
import { OutboxFolderMailer } from "./engines/mailer/outbox-folder.ts";
import type { Mailer } from "./engines/mailer/port.ts";
import { SmtpMailer } from "./engines/mailer/smtp.ts";
import { FolderMediaStore } from "./engines/media-store/folder.ts";
import { MemoryTimelineStore } from "./engines/timeline-store/memory.ts";
import { FanOutModes } from "./feed/fan-out-mode.ts";
import type { HomeTimelineContext } from "./feed/home-timeline.ts";
import { SIGNED_OUT_CHANNEL } from "./feed/live.ts";
import { PulledAuthors } from "./feed/pull-merge.ts";
import { Rebuilder } from "./feed/rebuild.ts";
import { timelineRepair } from "./feed/repair.ts";
import { RelationsCache } from "./relations/relations.ts";
import { MarksCache } from "./statuses/marks.ts";
import { StatusCache } from "./statuses/records.ts";
import { startFanOut } from "./workers/fan-out.ts";
import { startNotify } from "./workers/notify.ts";

const DAY_MS = 24 * 3600 * 1000;
const STATEMENT_TIMEOUT_MS = 15_000;
const HOUSEKEEPING_MS = 60_000;

export interface Roost extends AsyncDisposable {
  readonly config: Config;
  readonly log: Logger;
  readonly database: Database;
  readonly api: ApiContext;
  /** Rejects when an engine that Roost runs itself has died. */
  readonly failed: Promise<never>;
  /** Takes requests; resolves to the address. */
  listen(): Promise<string>;
  readonly modes: FanOutModes;
  /** Forgets all caches and stored timelines, as they may be lost at any time: slower for a while, never wrong. */
  loseCaches(): void;
  /** Whether everything that happened has been carried to everywhere it leads. */
  isIdle(): Promise<boolean>;
}

export interface OpenOptions {
  /** "none" opens the engines alone, for commands that change data while no server runs. */
  readonly roles?: "all" | "none";
  readonly log?: Logger;
}

export async function openRoost(config: Config, options: OpenOptions = {}): Promise<Roost> {
  await using opened = new AsyncDisposableStack();
  const log = options.log ?? createLogger(config.logLevel);
  const { database, failed } = await openDatabase(config, log, opened);
  if (options.roles !== "none" && config.database.kind === "external")
    opened.use(await claimDatabase(database));
  const engines = {
    database,
    log,
    clock: systemClock,
    metrics: new Metrics(),
    liveBus: opened.use(new MemoryLiveBus()),
    eventLog: opened.use(new PostgresEventLog({ database, log, clock: systemClock })),
    mediaStore: opened.use(await FolderMediaStore.open(join(config.dataDir, "media"))),
    mailer: opened.use<Mailer>(
      config.smtp ? new SmtpMailer(config.smtp) : new OutboxFolderMailer(join(config.dataDir, "mail")),
    ),
    store: opened.use(
      new MemoryTimelineStore(
        {
          maxEntries: config.timelines.maxEntries,
          maxTimelines: config.timelines.maxInMemory,
          idleMs: config.timelines.idleDays * DAY_MS,
        },
        systemClock,
      ),
    ),
  };
  const { api, modes, forgetAll } = composeDomains(config, engines);
  if (options.roles !== "none") {
    // What a command changes beside this server is stale here too.
    opened.use(
      listenForInvalidation(database, log, {
        onStale: (stale) => void api.statuses.invalidate(stale),
        onGap: forgetAll,
      }),
    );
  }
  const app = options.roles === "none" ? null : await buildServer(api, log);
  if (app) {
    opened.defer(() => app.close());
  }
  const consumers = app ? await startWorkers(config, engines, api, modes, opened) : [];
  const closing = opened.move();
  return {
    config,
    log,
    database,
    api,
    failed,
    listen: async () => {
      if (!app) throw new Error("this Roost was opened without a server");
      return app.listen({ host: config.host, port: config.port });
    },
    modes,
    loseCaches: () => {
      forgetAll();
      engines.store.clear();
    },
    isIdle: async () => {
      // In the order that records flow: what one consumer has done lies before the next one by then.
      for (const consumer of consumers) if ((await consumer.lag()).records > 0) return false;
      return true;
    },
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
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
  const database = opened.use(
    new Database({
      connection,
      poolSize: config.databasePoolSize,
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
      log: (why) => log.warn({ why }, "an idle database connection broke"),
    }),
  );
  const applied = await migrate(database.db);
  if (applied.length > 0) log.info({ applied }, "the database schema was brought up to date");
  return { database, failed };
}

interface Engines {
  readonly database: Database;
  readonly log: Logger;
  readonly clock: typeof systemClock;
  readonly metrics: Metrics;
  readonly liveBus: MemoryLiveBus;
  readonly eventLog: PostgresEventLog;
  readonly mediaStore: FolderMediaStore;
  readonly mailer: Mailer;
  readonly store: MemoryTimelineStore;
}

function composeDomains(config: Config, engines: Engines) {
  const { database, clock, store, liveBus, eventLog, metrics } = engines;
  const { db } = database;
  const urls = urlsOf(config.publicUrl);
  const tokens = new TokenCache(db);
  const profiles = new ProfileCache({ db, render: (row) => renderAccount(row, urls) });
  const statuses = new StatusCache({
    db,
    profiles,
    render: (row, authorUsername) => renderStatus(row, authorUsername, urls),
  });
  const relations = new RelationsCache(db);
  const marks = new MarksCache(db);
  const invalidate: Invalidate = async (stale) => {
    forget(stale);
    for (const accountId of stale.tokens ?? [])
      await liveBus.publish(SIGNED_OUT_CHANNEL, { type: "signed-out", accountId });
  };
  const modes = new FanOutModes({ db, invalidate, overlapMs: config.fanOut.switchOverlapMs });
  const pulled = new PulledAuthors(database, modes);
  const forget = (stale: Stale) => {
    for (const accountId of stale.tokens ?? []) tokens.forgetAccount(accountId);
    if (stale.accounts) profiles.invalidate(stale.accounts);
    if (stale.relations) relations.invalidate(...stale.relations);
    if (stale.statuses) statuses.invalidate(stale.statuses);
    if (stale.marks) marks.invalidate(stale.marks);
    if (stale.authorTimelines) pulled.invalidate(stale.authorTimelines);
    if (stale.fanOutModes) modes.invalidate();
  };
  const wakeEventLog = () => eventLog.wake(EVENTS_TOPIC);
  const home: HomeTimelineContext = {
    database,
    clock,
    store,
    relations,
    statuses,
    pulled,
    rebuilder: new Rebuilder(database, store),
    onRead: (result) => metrics.timelineReads.inc({ result }),
  };
  const api: ApiContext = {
    config,
    clock,
    metrics,
    urls,
    database,
    liveBus,
    mediaStore: engines.mediaStore,
    mailer: engines.mailer,
    tokens,
    profiles,
    home,
    statuses: {
      database,
      clock,
      statuses,
      relations,
      invalidate,
      showToAuthor: async (statusId, authorId) => void (await store.append(statusId, [authorId])),
      wakeEventLog,
      ownHost: new URL(config.publicUrl).host,
      maxCharacters: config.maxCharacters,
    },
    relations: {
      db,
      clock,
      invalidate,
      wakeEventLog,
      repair: timelineRepair({ database, store, relations }),
    },
    splice: { statuses, marks },
    readiness: {
      database: () => database.ping(),
      schema: async () => {
        const { pending, unknown } = await migrationState(db);
        if (pending.length > 0) throw new Error(`migrations are missing: ${pending.join(", ")}`);
        if (unknown.length > 0)
          throw new Error(`the schema is newer than this version: ${unknown.join(", ")}`);
      },
    },
  };
  const forgetAll = () => {
    for (const cache of [tokens, profiles, statuses, relations, marks, pulled]) cache.clear();
    modes.invalidate();
  };
  return { api, modes, forgetAll };
}

async function startWorkers(
  config: Config,
  engines: Engines,
  api: ApiContext,
  modes: FanOutModes,
  opened: AsyncDisposableStack,
): Promise<Consumer[]> {
  const { database, store, eventLog, liveBus, log, metrics, clock } = engines;
  const { statuses } = api.home;
  const consumers = await startFanOut({
    database,
    store,
    statuses,
    modes,
    thresholds: config.fanOut,
    eventLog,
    liveBus,
    log,
    onDelivered: (lane, statusId, deliveries) => {
      metrics.deliveries.inc({ lane }, deliveries);
      metrics.postVisibleSeconds.observe({ lane }, Math.max(0, clock.nowMs() - timeOfIdMs(statusId)) / 1000);
    },
  });
  consumers.push(await startNotify({ database, statuses, eventLog, liveBus }));
  for (const consumer of consumers) opened.use(consumer);
  const housekeeping = every(HOUSEKEEPING_MS, () => {
    store.dropIdle();
    metrics.timelines.set(store.usage().timelines);
    Promise.all([eventLog.trim(), deleteExpired(database.db)]).catch((err: unknown) =>
      log.warn({ err }, "housekeeping failed; it's tried again"),
    );
  });
  opened.defer(async () => housekeeping());
  return consumers;
}
