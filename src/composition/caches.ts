/** The caches of this process, and how they stay right beside other processes. */
import { ProfileCache } from "../accounts/profiles.ts";
import { TokenCache } from "../accounts/tokens.ts";
import { renderAccount } from "../api/entities/account.ts";
import { renderStatus } from "../api/entities/status.ts";
import type { Urls } from "../api/entities/urls.ts";
import { sleep } from "../core/clock.ts";
import { ignoreUnavailable, Unavailable } from "../core/errors.ts";
import { type Invalidate, ownedIds, type Stale } from "../core/invalidation.ts";
import { notifyInvalidation } from "../engines/database/invalidation-channel.ts";
import { RecentWrites } from "../engines/database/recent-writes.ts";
import { formatLsn, parseLsn } from "../engines/database/replica-router.ts";
import { Freshness, subjectsOf } from "../engines/shared-cache/freshness.ts";
import { FanOutModes } from "../feed/fan-out-mode.ts";
import { SIGNED_OUT_CHANNEL } from "../feed/live.ts";
import { PulledAuthors } from "../feed/pull-merge.ts";
import { RelationsCache } from "../relations/relations.ts";
import { MarksCache } from "../statuses/marks.ts";
import { StatusCache } from "../statuses/records.ts";
import type { Engines } from "./engines.ts";
import { sharedLevels } from "./shared-levels.ts";

/** With several processes: covers one that ended between its commit and telling the others. */
const SHARED_MAX_AGE_MS = 10_000;
/** How long a notice of PostgreSQL may take to be read everywhere; it's a millisecond, mostly. */
const NOTICE_MS = 100;

export type Caches = ReturnType<typeof composeCaches>;

export function composeCaches(
  engines: Engines,
  options: { urls: Urls; switchOverlapMs: number; sizeMb: number; replicaLagMsMax: number },
) {
  const { database, liveBus, invalidationLog, isShared, log } = engines;
  const { db } = database;
  const { urls } = options;
  const maxAgeMs = isShared ? SHARED_MAX_AGE_MS : null;
  /** Of all the memory caches may take. */
  const share = (part: number) => ({ maxSizeBytes: Math.floor(options.sizeMb * 2 ** 20 * part), maxAgeMs });
  const freshness = engines.sharedCache
    ? new Freshness({ keptMsMax: SHARED_MAX_AGE_MS, clock: engines.clock })
    : null;
  const shared = sharedLevels(engines, freshness, SHARED_MAX_AGE_MS);
  const tokens = new TokenCache(database, { maxAgeMs, shared: shared.tokens });
  const profiles = new ProfileCache({
    database,
    limits: share(0.15),
    render: (row) => renderAccount(row, urls),
    shared: shared.profiles,
  });
  const statuses = new StatusCache({
    database,
    profiles,
    limits: share(0.45),
    render: (row, authorUsername) => renderStatus(row, authorUsername, urls),
    shared: shared.statuses,
  });
  const relations = new RelationsCache(database, share(0.25));
  const marks = new MarksCache(database, share(0.1));

  const recentWrites = new RecentWrites({ lagMsMax: options.replicaLagMsMax, clock: engines.clock });

  const forget = (stale: Stale) => {
    for (const accountId of stale.tokens ?? []) tokens.forgetAccount(accountId);
    for (const appId of stale.appTokens ?? []) tokens.forgetApp(appId);
    if (stale.accounts) profiles.invalidate(stale.accounts);
    if (stale.counts) profiles.invalidate(stale.counts);
    if (stale.relations) relations.invalidate(...stale.relations);
    if (stale.statuses) statuses.invalidate(stale.statuses);
    if (stale.marks) marks.invalidate(stale.marks);
    if (stale.authorTimelines) pulled.invalidate(stale.authorTimelines);
    if (stale.fanOutModes) modes.invalidate();
  };

  /** What another process says. */
  const forgetElsewhere = (stale: Stale) => {
    forget(stale);
    if (stale.countsElsewhere) profiles.invalidate(stale.countsElsewhere);
  };

  const forgetAll = () => {
    for (const cache of [tokens, profiles, statuses, relations, marks, pulled]) cache.clear();
    modes.invalidate();
    freshness?.missed();
  };

  /** Open streams of accounts whose tokens ended close. One that isn't told asks for its token at the next event. */
  const closeStreams = async ({ tokens }: Stale) => {
    for (const accountId of tokens ?? [])
      await liveBus.publish(SIGNED_OUT_CHANNEL, { type: "signed-out", accountId }).catch(ignoreUnavailable);
  };

  /**
   * When the log can't be appended to although the change is committed, PostgreSQL tells the others. That is no fence:
   * nobody waits for a notice. What holds then: a process that is cut off from Redis too reads nothing from its caches,
   * so it needs no notice. One that isn't cut off gets it within milliseconds, for which the change waits before it is
   * answered; one whose connection for notices is broken forgets everything when it's back; and nothing stays for
   * longer than `SHARED_MAX_AGE_MS`. If the database refuses the notice too, the change isn't answered as done.
   */
  const tell = async (stale: Stale) => {
    const subjects = subjectsOf(stale);
    freshness?.begun(subjects);
    try {
      const lsn = await positionOf(stale);
      await invalidationLog.append({ stale, lsn });
    } catch (error) {
      freshness?.failed(subjects);
      if (!(error instanceof Unavailable)) throw error;
      await notifyInvalidation(db, stale);
      await sleep(NOTICE_MS);
    }
  };

  /**
   * How far a replica must have come to show this change, which is committed; null: nobody could say. Databases of
   * shards have no replicas here: while posts go on there, the main one may be away, and what it holds is known.
   */
  const positionOf = async (stale: Stale): Promise<string | null> => {
    if (ownedIds(stale)?.every((id) => !database.shards.isOnMain(id))) return formatLsn(0n);
    if (database.replicas === null) return null;
    try {
      const lsn = await database.replicas.currentLsn();
      recentWrites.note(stale, lsn);
      return formatLsn(lsn);
    } catch {
      recentWrites.missed();
      return null;
    }
  };

  const invalidate: Invalidate = async (stale) => {
    forget(stale);
    await tell(stale);
    await closeStreams(stale);
  };

  const modes = new FanOutModes({ database, invalidate, overlapMs: options.switchOverlapMs, maxAgeMs });
  const pulled = new PulledAuthors(database, modes, share(0.05));

  invalidationLog.listen({
    // Own changes were forgotten before they were told; what was loaded since then is right.
    onEntry: ({ stale, lsn, isOwn, position }) => {
      freshness?.note(subjectsOf(stale), position, isOwn);
      if (isOwn) return;
      forgetElsewhere(stale);
      if (lsn === null) recentWrites.missed();
      else recentWrites.note(stale, parseLsn(lsn));
    },
    onGap: () => {
      recentWrites.missed();
      log.info("changes made by other processes may have been missed: caches start anew");
      forgetAll();
    },
    onReadTo: (position) => freshness?.readTo(position),
  });

  /**
   * Once it resolves, no cache holds what was stale when it was called. When that can't be known, caches are emptied:
   * what is read then comes from the database, and what is kept of it serves nobody, since the next one empties it too.
   */
  const catchUp = async () => {
    await database.shards.beFresh();
    try {
      await invalidationLog.catchUp();
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      recentWrites.missed();
      forgetAll();
    }
  };

  /** Notices of PostgreSQL may have been missed. */
  const missedNotices = () => {
    recentWrites.missedNotices();
    forgetAll();
  };

  /** What a notice of PostgreSQL says is stale: each process gets it by itself. */
  const noticed = async (stale: Stale) => {
    recentWrites.missed();
    freshness?.missed();
    forgetElsewhere(stale);
    await closeStreams(stale);
  };

  return {
    tokens,
    profiles,
    statuses,
    relations,
    marks,
    modes,
    pulled,
    invalidate,
    recentWrites,
    catchUp,
    forgetAll,
    missedNotices,
    noticed,
  };
}
