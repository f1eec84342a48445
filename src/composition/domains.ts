import { ProfileCache } from "../accounts/profiles.ts";
import { TokenCache } from "../accounts/tokens.ts";
import type { ApiContext } from "../api/context.ts";
import { renderAccount } from "../api/entities/account.ts";
import { renderStatus } from "../api/entities/status.ts";
import { urlsOf } from "../api/entities/urls.ts";
import type { Config } from "../config.ts";
import type { Invalidate, Stale } from "../core/invalidation.ts";
import { migrationState } from "../engines/database/pools.ts";
import { EVENTS_TOPIC } from "../engines/event-log/outbox.ts";
import { FanOutModes } from "../feed/fan-out-mode.ts";
import type { HomeTimelineContext } from "../feed/home-timeline.ts";
import { SIGNED_OUT_CHANNEL } from "../feed/live.ts";
import { PulledAuthors } from "../feed/pull-merge.ts";
import { Rebuilder } from "../feed/rebuild.ts";
import { timelineRepair } from "../feed/repair.ts";
import { RelationsCache } from "../relations/relations.ts";
import { statusInserter } from "../statuses/insert.ts";
import { MarksCache } from "../statuses/marks.ts";
import { StatusCache } from "../statuses/records.ts";

import type { Engines } from "./engines.ts";

export function composeDomains(config: Config, engines: Engines) {
  const { database, clock, store, liveBus, outbox, metrics } = engines;
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
  const wakeEventLog = () => outbox.wake(EVENTS_TOPIC);
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
      inserter: statusInserter(database),
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
