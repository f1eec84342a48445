import type { Logger } from "pino";
import { deleteExpired } from "./accounts/sessions.ts";
import type { ApiContext } from "./api/context.ts";
import { buildServer } from "./api/server.ts";
import type { Caches } from "./composition/caches.ts";
import { composeDomains } from "./composition/domains.ts";
import { type Engines, type OpenOptions, openEngines } from "./composition/engines.ts";
import type { Config } from "./config.ts";
import { every, sleep } from "./core/clock.ts";
import { timeOfIdMs } from "./core/ids.ts";
import { ROLES, type Role, takesRequests } from "./core/roles.ts";
import { fillAccountWords, statusFilling } from "./discovery/fill-words.ts";
import { countServerInTurn } from "./discovery/statistics.ts";
import { listenForInvalidation } from "./engines/database/invalidation-channel.ts";
import type { Database } from "./engines/database/pools.ts";
import type { Consumer } from "./engines/event-log/port.ts";
import type { FanOutModes } from "./feed/fan-out-mode.ts";
import { countWaiting, deleteExpiredMedia } from "./media/expiry.ts";
import { removeLeftovers } from "./notifications/leftovers.ts";
import { recountOld } from "./statuses/recount.ts";
import { retag } from "./statuses/retag.ts";
import { type BackgroundTask, startBackgroundTasks } from "./workers/background-tasks.ts";
import { startFanOut } from "./workers/fan-out.ts";
import { startFollowUp } from "./workers/follow-up.ts";
import { RELAY_GROUP } from "./workers/groups.ts";
import { lagOfGroups } from "./workers/lag.ts";
import { startNotify } from "./workers/notify.ts";
import { startRelay } from "./workers/relay.ts";

const HOUSEKEEPING_MS = 60_000;
const LAG_MS = 15_000;
const ACTIVITY_MS = 10_000;
const MEDIA_MS = 10_000;
const FILLING_MS = 1_000;

export interface Roost extends AsyncDisposable {
  readonly config: Config;
  readonly log: Logger;
  readonly database: Database;
  readonly api: ApiContext;
  /** Rejects when an engine that Roost runs itself has died. */
  readonly failed: Promise<never>;
  /** Takes requests; resolves to the address. */
  listen(): Promise<string>;
  /** Says that it isn't ready any more, and waits until balancers have noticed; still answers whoever comes. */
  drain(): Promise<void>;
  readonly modes: FanOutModes;
  /** Forgets all caches and stored timelines, as they may be lost at any time: slower for a while, never wrong. */
  loseCaches(): Promise<void>;
  /** Whether everything that happened has been carried to everywhere it leads. */
  isIdle(): Promise<boolean>;
}

export async function openRoost(config: Config, options: OpenOptions = {}): Promise<Roost> {
  await using opened = new AsyncDisposableStack();
  const { engines, failed } = await openEngines(config, options, opened);
  const { database, log } = engines;
  const leaving = new AbortController();
  const { api, caches } = composeDomains(config, engines, leaving.signal);
  const roles = new Set(options.roles ?? ROLES);
  if (roles.size > 0) {
    // What a command changes beside this server is stale here too, and what another server can't tell over Redis.
    opened.use(
      listenForInvalidation(database, log, {
        onStale: (stale) => void caches.noticed(stale),
        onGap: caches.missedNotices,
      }),
    );
  }
  const app = roles.size === 0 ? null : await buildServer(api, log, roles);
  if (app) {
    opened.defer(() => app.close());
  }
  const consumers = await startWorkers({ config, engines, api, caches, roles }, opened);
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
    drain: async () => {
      leaving.abort();
      // Nobody sends requests to the others.
      if (takesRequests(roles)) await sleep(config.drainMs);
    },
    modes: caches.modes,
    loseCaches: () => {
      caches.forgetAll();
      return engines.loseTimelines();
    },
    isIdle: async () => {
      // In the order that records flow: what one consumer has done lies before the next one by then.
      for (const consumer of consumers) if ((await consumer.lag()).records > 0) return false;
      return true;
    },
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

interface WorkersContext {
  readonly config: Config;
  readonly engines: Engines;
  readonly api: ApiContext;
  readonly caches: Caches;
  readonly roles: ReadonlySet<Role>;
}

async function startWorkers(
  { config, engines, api, caches, roles }: WorkersContext,
  opened: AsyncDisposableStack,
): Promise<Consumer[]> {
  const { database, store, outbox, eventLog, liveBus, log, metrics, clock } = engines;
  const { statuses } = api.home;
  const { modes, catchUp, invalidate } = caches;
  const consumers: Consumer[] = [];
  if (roles.has("relay") && outbox !== eventLog) consumers.push(await startRelay({ outbox, eventLog }));
  if (roles.has("fanout")) {
    const fanOut = await startFanOut({
      database,
      store,
      statuses,
      modes,
      thresholds: config.fanOut,
      eventLog,
      liveBus,
      log,
      catchUp,
      onDelivered: (lane, statusId, deliveries) => {
        metrics.deliveries.inc({ lane }, deliveries);
        const ageMs = Math.max(0, clock.nowMs() - timeOfIdMs(statusId));
        metrics.postVisibleSeconds.observe({ lane }, ageMs / 1000);
      },
    });
    consumers.push(...fanOut);
  }
  if (roles.has("jobs")) {
    // In one database nothing is left to do after a change.
    if (engines.isSpread)
      consumers.push(await startFollowUp({ database, statuses, eventLog, invalidate, catchUp }));
    consumers.push(await startNotify({ database, statuses, eventLog, liveBus, catchUp }));
    keepHouse({ config, engines, caches }, opened);
  }
  // Who stores media deletes them: the settings of other processes needn't name the store.
  if (roles.has("api")) opened.use(startBackgroundTasks([mediaDeletion(engines, api)], log));
  for (const consumer of consumers) opened.use(consumer);
  if (takesRequests(roles)) {
    const flush = () => api.activity.flush(database.db);
    opened.use(startBackgroundTasks([{ name: "note-activity", everyMs: ACTIVITY_MS, run: flush }], log));
  }
  if (roles.size > 0) {
    const tidying = every(HOUSEKEEPING_MS, () => engines.keepHouse());
    opened.defer(async () => tidying());
  }
  return consumers;
}

function mediaDeletion({ databases, metrics }: Engines, { expiry }: ApiContext): BackgroundTask {
  return {
    name: "delete-media",
    everyMs: MEDIA_MS,
    run: async (signal) => {
      try {
        await deleteExpiredMedia(expiry, databases, signal);
      } finally {
        metrics.mediaWaiting.set(await countWaiting(databases));
      }
    },
  };
}

/** What is over goes, once for all processes. Done by several, it's merely done again. */
function keepHouse(
  {
    config,
    engines: { outbox, eventLog, database, metrics, log, clock },
    caches: { invalidate },
  }: Pick<WorkersContext, "config" | "engines" | "caches">,
  opened: AsyncDisposableStack,
): void {
  const filling = statusFilling(database, log, () => clock.nowMs());
  const tasks: BackgroundTask[] = [
    {
      name: "trim-outbox",
      everyMs: HOUSEKEEPING_MS,
      // With a relay its events are consumed once they are in Kafka, whoever else consumed from here before.
      run: () => outbox.trim(config.kafka ? [RELAY_GROUP] : null),
    },
    { name: "fill-account-words", everyMs: FILLING_MS, run: (signal) => fillAccountWords(database, signal) },
    { name: "fill-status-words", everyMs: FILLING_MS, run: filling.run },
    { name: "delete-expired", everyMs: HOUSEKEEPING_MS, run: () => deleteExpired(database) },
    {
      name: "count-server",
      everyMs: HOUSEKEEPING_MS,
      run: () => countServerInTurn(database, clock.nowMs()),
    },
    {
      name: "retag",
      everyMs: HOUSEKEEPING_MS,
      run: (signal) =>
        retag({ database, clock, invalidate, onProgress: (share) => metrics.retagged.set(share) }, signal),
    },
    {
      name: "recount",
      everyMs: HOUSEKEEPING_MS,
      run: (signal) => recountOld({ database, clock, invalidate }, signal),
    },
    {
      name: "remove-leftovers",
      everyMs: HOUSEKEEPING_MS,
      run: (signal) => removeLeftovers({ database, clock }, signal),
    },
  ];
  opened.use(startBackgroundTasks(tasks, log));
  const measuring = every(LAG_MS, () => {
    lagOfGroups(outbox, eventLog)
      .then((lags) => {
        for (const { topic, group, records, oldestAgeMs } of lags) {
          metrics.eventsWaiting.set({ topic, group }, records);
          metrics.eventsWaitingSeconds.set({ topic, group }, oldestAgeMs / 1_000);
        }
      })
      .catch(() => {
        // Not known is not nothing; why, consumers tell.
        metrics.eventsWaiting.reset();
        metrics.eventsWaitingSeconds.reset();
      });
  });
  opened.defer(async () => measuring());
}
