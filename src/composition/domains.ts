import { AccountActivity } from "../accounts/activity.ts";
import type { ApiContext } from "../api/context.ts";
import { urlsOf } from "../api/entities/urls.ts";
import type { Config } from "../config.ts";
import { Unavailable } from "../core/errors.ts";
import type { AccountId, StatusId } from "../core/ids.ts";
import type { Invalidate, TellWrite } from "../core/invalidation.ts";
import { type Db, migrationState } from "../engines/database/pools.ts";
import { EVENTS_TOPIC } from "../engines/event-log/outbox.ts";
import type { TimelineStore } from "../engines/timeline-store/port.ts";
import type { HomeTimelineContext } from "../feed/home-timeline.ts";
import { Rebuilder } from "../feed/rebuild.ts";
import { timelineRepair } from "../feed/repair.ts";
import { bumpEpoch } from "../relations/epoch.ts";
import { statusInserter } from "../statuses/insert.ts";
import { composeCaches } from "./caches.ts";

import type { Engines } from "./engines.ts";

export function composeDomains(config: Config, engines: Engines, leaving: AbortSignal) {
  const { database, clock, store, liveBus, outbox, metrics } = engines;
  const { db, replicas, shards } = database;
  const urls = urlsOf(config.publicUrl);
  const caches = composeCaches(engines, {
    urls,
    switchOverlapMs: config.fanOut.switchOverlapMs,
    sizeMb: config.cacheMb,
    replicaLagMsMax: config.database.kind === "external" ? config.database.replicaLagMsMax : 0,
  });
  const { tokens, profiles, statuses, relations, marks, pulled, invalidate } = caches;
  const tellWrite: TellWrite = async (writerId, what) => {
    if (!replicas) return;
    if (what === "directory") await invalidate({ writers: [writerId] });
    else if (shards.isOnMain(writerId)) await invalidate({ owners: [writerId] });
  };
  // What came with a shard is new where it came to, however old it is: replicas there may lack it for a while.
  shards.onSpread = () => caches.recentWrites.missed();
  if (replicas) {
    replicas.mustSee = (position) => caches.recentWrites.allSince(position);
    caches.recentWrites.lastSeen = () => replicas.lastSeen;
  }
  const wakeEventLog = () => outbox.wake(EVENTS_TOPIC);
  // Who can answer reads without the main database is of use: a balancer that took all such away would refuse them. But
  // where others reach it, they should be asked.
  const isStoodInFor = () => {
    if (!replicas?.canStandIn || !shards.isHeld) return false;
    return replicas.lastSeen !== null && !caches.recentWrites.isReachedByOthers(replicas.lastSeen);
  };
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
    expiry: {
      store: engines.mediaStore,
      onDeleted: (sizeBytes) => {
        metrics.mediaDeletedFiles.inc();
        metrics.mediaDeletedBytes.inc(sizeBytes);
      },
      onFailed: () => metrics.mediaDeleteFailures.inc(),
    },
    mailer: engines.mailer,
    tokens,
    activity: new AccountActivity(),
    profiles,
    catchUp: caches.catchUp,
    recentWrites: caches.recentWrites,
    tellWrite,
    makeLimiter: engines.makeLimiter,
    home,
    statuses: {
      database,
      clock,
      statuses,
      inserter: statusInserter(database),
      relations,
      invalidate,
      tellWrite,
      showToAuthor: (statusId, authorId) => showToAuthor({ store, db, invalidate }, statusId, authorId),
      wakeEventLog,
      ownHost: new URL(config.publicUrl).host,
      maxCharacters: config.maxCharacters,
    },
    relations: {
      db,
      shards: database.shards,
      clock,
      invalidate,
      tellWrite,
      wakeEventLog,
      repair: timelineRepair({ database, store, relations }),
    },
    splice: { statuses, marks },
    leaving,
    readiness: {
      // Not the shards: without one of them, everything that lies elsewhere is still answered.
      database: async () => {
        if (!isStoodInFor()) await database.ping();
      },
      schema: async () => {
        if (isStoodInFor()) return;
        const { pending, unknown } = await migrationState(db);
        if (pending.length > 0) throw new Error(`migrations are missing: ${pending.join(", ")}`);
        if (unknown.length > 0)
          throw new Error(`the schema is newer than this version: ${unknown.join(", ")}`);
      },
    },
  };
  return { api, caches };
}

/**
 * Puts a post into its author's own stored timeline, before the post is answered. When that fails, a timeline may be
 * there that lacks it: so the author's epoch moves, and no reader anywhere takes what was stored under the one before.
 * A process that ends before it comes to this has answered nothing; fan-out delivers to the author too.
 */
async function showToAuthor(
  { store, db, invalidate }: { store: TimelineStore; db: Db; invalidate: Invalidate },
  statusId: StatusId,
  authorId: AccountId,
): Promise<void> {
  try {
    await store.append(statusId, [authorId]);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    await bumpEpoch(db, authorId);
    await invalidate({ relations: [authorId] });
  }
}
