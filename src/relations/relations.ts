/** What a viewer's relations say right now, loaded in one query and cached until one of them changes. */
import { sql } from "kysely";
import { type CacheLimits, GuardedCache } from "../core/guarded-cache.ts";
import type { AccountId } from "../core/ids.ts";
import type { Database, Db } from "../engines/database/pools.ts";

export interface Relations {
  readonly viewerId: AccountId;
  /** Counts the changes that can add entries to the home timeline. */
  readonly epoch: bigint;
  /** Followed accounts → whether their boosts show. */
  readonly following: ReadonlyMap<AccountId, { readonly showReblogs: boolean }>;
  readonly blocking: ReadonlySet<AccountId>;
  readonly blockedBy: ReadonlySet<AccountId>;
  /** Muted accounts → when the mute ends, Infinity for never. */
  readonly mutedUntilMs: ReadonlyMap<AccountId, number>;
  /** Members of the viewer's exclusive lists: they show there and not in the home timeline. */
  readonly exclusiveListMembers: ReadonlySet<AccountId>;
}

export class RelationsCache {
  readonly #cache: GuardedCache<AccountId, Relations>;

  constructor(database: Database, limits: CacheLimits) {
    this.#cache = new GuardedCache<AccountId, Relations>({
      ...limits,
      sizeBytesOf: (relations) =>
        200 +
        64 *
          (relations.following.size +
            relations.blocking.size +
            relations.blockedBy.size +
            relations.mutedUntilMs.size),
      loadMany: (viewers) => database.readNow(({ db }) => loadRelations(db, viewers)),
    });
  }

  async of(viewerId: AccountId): Promise<Relations> {
    return this.#cache.peek(viewerId) ?? (await this.#cache.get(viewerId)) ?? noRelations(viewerId);
  }

  invalidate(...viewers: AccountId[]): void {
    for (const viewer of viewers) this.#cache.invalidate(viewer);
  }

  clear(): void {
    this.#cache.clear();
  }
}

/** Why an account is out of the viewer's sight; null when it isn't. A block hides each of the two from the other. */
export function hidingOf(
  relations: Relations,
  accountId: AccountId,
  nowMs: number,
): "blocked" | "muted" | null {
  if (relations.blocking.has(accountId) || relations.blockedBy.has(accountId)) return "blocked";
  return isMuted(relations, accountId, nowMs) ? "muted" : null;
}

/**
 * Whether a post that mentions these accounts names one that the viewer blocks or mutes. Who blocks the viewer may be
 * named: others speak of whom they like.
 */
export function namesUnwanted(
  relations: Relations,
  mentionIds: readonly AccountId[],
  nowMs: number,
): boolean {
  return mentionIds.some((id) => relations.blocking.has(id) || isMuted(relations, id, nowMs));
}

function isMuted(relations: Relations, accountId: AccountId, nowMs: number): boolean {
  const untilMs = relations.mutedUntilMs.get(accountId);
  return untilMs !== undefined && untilMs > nowMs;
}

function noRelations(viewerId: AccountId): Relations {
  return {
    viewerId,
    epoch: 0n,
    following: new Map(),
    blocking: new Set(),
    blockedBy: new Set(),
    mutedUntilMs: new Map(),
    exclusiveListMembers: new Set(),
  };
}

interface RelationsRow {
  viewer_id: bigint;
  epoch: bigint | null;
  following: bigint[];
  without_reblogs: bigint[];
  blocking: bigint[];
  blocked_by: bigint[];
  muted: bigint[];
  muted_until_ms: (number | null)[];
  exclusive_members: bigint[];
}

/** One statement, so that epoch and relations are of the same snapshot. */
async function loadRelations(db: Db, viewers: readonly AccountId[]): Promise<Map<AccountId, Relations>> {
  const { rows } = await sql<RelationsRow>`
    select v.id as viewer_id,
      (select epoch from relation_epochs e where e.account_id = v.id) as epoch,
      array(select followee_id from follows f where f.follower_id = v.id) as following,
      array(select followee_id from follows f where f.follower_id = v.id and not show_reblogs) as without_reblogs,
      array(select target_id from blocks b where b.account_id = v.id) as blocking,
      array(select account_id from blocks b where b.target_id = v.id) as blocked_by,
      m.targets as muted, m.until_ms as muted_until_ms,
      array(select lm.member_id from lists l join list_members lm on lm.list_id = l.id
        where l.account_id = v.id and l.exclusive) as exclusive_members
    from unnest(${viewers}::bigint[]) as v (id)
    cross join lateral (
      select coalesce(array_agg(target_id order by id), '{}') as targets,
        coalesce(array_agg(extract(epoch from expires_at)::float8 * 1000 order by id), '{}') as until_ms
      from mutes where account_id = v.id) m`.execute(db);
  return new Map(rows.map((row) => [row.viewer_id, relationsOf(row)]));
}

function relationsOf(row: RelationsRow): Relations {
  const withoutReblogs = new Set(row.without_reblogs);
  return {
    viewerId: row.viewer_id,
    epoch: row.epoch ?? 0n,
    following: new Map(row.following.map((id) => [id, { showReblogs: !withoutReblogs.has(id) }])),
    blocking: new Set(row.blocking),
    blockedBy: new Set(row.blocked_by),
    mutedUntilMs: new Map(row.muted.map((id, i) => [id, row.muted_until_ms[i] ?? Number.POSITIVE_INFINITY])),
    exclusiveListMembers: new Set(row.exclusive_members),
  };
}
