/** What a viewer has done with statuses: favourited, boosted, bookmarked. Cached per viewer and status. */
import { sql } from "kysely";
import { LRUCache } from "lru-cache";
import { type CacheLimits, TTL_RESOLUTION_MS } from "../core/guarded-cache.ts";
import type { AccountId, StatusId } from "../core/ids.ts";
import { isDegraded } from "../core/read-only.ts";
import type { Database } from "../engines/database/pools.ts";
import type { Shards } from "../engines/database/shards.ts";

/** A bit each, so that all combinations can be rendered ahead. */
export const FAVOURITED = 1;
export const REBLOGGED = 2;
export const BOOKMARKED = 4;

interface ViewerMarks {
  readonly marks: Map<StatusId, number>;
}

const MAX_MARKS_PER_VIEWER = 1_000;
/** Of a viewer with some pages read. */
const VIEWER_SIZE_BYTES = 8 * 1024;

export class MarksCache {
  readonly #viewers: LRUCache<AccountId, ViewerMarks>;
  readonly #shards: Shards;

  constructor({ shards }: Database, { maxSizeBytes, maxAgeMs }: CacheLimits) {
    this.#viewers = new LRUCache({
      max: Math.ceil(maxSizeBytes / VIEWER_SIZE_BYTES),
      ttl: maxAgeMs ?? 0,
      ttlResolution: TTL_RESOLUTION_MS,
    });
    this.#shards = shards;
  }

  /** Null when some aren't known yet: call `load` then. */
  peek(viewerId: AccountId, ids: readonly StatusId[]): number[] | null {
    const known = this.#viewers.get(viewerId)?.marks;
    if (!known) return null;
    const found: number[] = [];
    for (const id of ids) {
      const marks = known.get(id);
      if (marks === undefined) return null;
      found.push(marks);
    }
    return found;
  }

  async load(viewerId: AccountId, ids: readonly StatusId[]): Promise<number[]> {
    let viewer = this.#viewers.get(viewerId);
    if (!viewer || viewer.marks.size + ids.length > MAX_MARKS_PER_VIEWER) {
      viewer = { marks: new Map() };
      this.#viewers.set(viewerId, viewer);
    }
    const statement = sql<{ id: StatusId; marks: number }>`
      select i.id,
        (case when exists (select 1 from favourites where account_id = ${viewerId} and status_id = i.id)
          then ${FAVOURITED}::int else 0 end)
        | (case when exists (select 1 from statuses where author_id = ${viewerId} and reblog_of_id = i.id)
          then ${REBLOGGED}::int else 0 end)
        | (case when exists (select 1 from bookmarks where account_id = ${viewerId} and status_id = i.id)
          then ${BOOKMARKED}::int else 0 end) as marks
      from unnest(${[...ids]}::bigint[]) as i (id)`;
    const { rows } = await this.#shards.of(viewerId).readNow(({ db }) => statement.execute(db));
    const loaded = new Map(rows.map((row) => [row.id, row.marks]));
    // An invalidation while this ran took `viewer` out of the cache: what is stored into it then is stored nowhere.
    if (!isDegraded()) for (const [id, marks] of loaded) viewer.marks.set(id, marks);
    return ids.map((id) => loaded.get(id) ?? 0);
  }

  /** A status the viewer has just made: nobody can have marked it yet. */
  knowNew(viewerId: AccountId, id: StatusId): void {
    this.#viewers.get(viewerId)?.marks.set(id, 0);
  }

  invalidate(viewerIds: readonly AccountId[]): void {
    for (const id of viewerIds) this.#viewers.delete(id);
  }

  clear(): void {
    this.#viewers.clear();
  }
}
