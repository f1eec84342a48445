/** Fan-out-on-read: the newest statuses of followed authors in pull mode, merged into a page at read time. */
import { type CacheLimits, GuardedCache } from "../core/guarded-cache.ts";
import { type AccountId, descending, type StatusId } from "../core/ids.ts";
import type { Database } from "../engines/database/pools.ts";
import { byItself } from "../engines/database/shards.ts";
import type { Relations } from "../relations/relations.ts";
import type { FanOutModes, IdRange } from "./fan-out-mode.ts";

/** How many of an author's newest ids are kept; a page that reaches below asks the database. */
const KEPT_PER_AUTHOR = 400;

interface AuthorTimeline {
  /** Newest first. */
  readonly ids: readonly StatusId[];
  /** Complete from here up; 0 when these are all. */
  readonly floor: StatusId;
}

export class PulledAuthors {
  readonly #database: Database;
  readonly #modes: FanOutModes;
  readonly #timelines: GuardedCache<AccountId, AuthorTimeline>;

  constructor(database: Database, modes: FanOutModes, limits: CacheLimits) {
    this.#database = database;
    this.#modes = modes;
    this.#timelines = new GuardedCache<AccountId, AuthorTimeline>({
      ...limits,
      sizeBytesOf: (timeline) => 100 + 32 * timeline.ids.length,
      loadMany: (authors) => this.#load(authors),
    });
  }

  invalidate(authors: readonly AccountId[]): void {
    for (const author of authors) this.#timelines.invalidate(author);
  }

  clear(): void {
    this.#timelines.clear();
  }

  /** Newest first: at most `limit` ids in [floor, before) of authors the viewer follows, where they are pulled. */
  async below(
    relations: Relations,
    before: StatusId | null,
    floor: StatusId,
    limit: number,
  ): Promise<StatusId[]> {
    const modes = this.#modes.peek() ?? (await this.#modes.all());
    if (modes.size === 0) return [];
    const merged: StatusId[] = [];
    for (const [authorId, { pulled }] of modes) {
      if (pulled.length === 0) continue;
      if (authorId !== relations.viewerId && !relations.following.has(authorId)) continue;
      for (const id of await this.#idsOf(authorId, pulled, { before, floor, limit })) merged.push(id);
    }
    // A few sorted runs of at most `limit`: sorting them together is the k-way merge.
    return merged.sort(descending).slice(0, limit);
  }

  async #idsOf(
    authorId: AccountId,
    pulled: readonly IdRange[],
    page: { before: StatusId | null; floor: StatusId; limit: number },
  ): Promise<StatusId[]> {
    const timeline = await this.#timelines.get(authorId);
    if (!timeline) return [];
    const found: StatusId[] = [];
    for (const id of timeline.ids) {
      if (id < page.floor || found.length >= page.limit) return found;
      if (isWithin(id, page.before, pulled)) found.push(id);
    }
    if (timeline.floor === 0n || timeline.floor <= page.floor) return found;
    const range = [authorId, timeline.floor, page.floor, page.limit + KEPT_PER_AUTHOR];
    const rows = await this.#database.shards
      .of(authorId)
      .readNow((database) =>
        database.prepared<{ id: StatusId }>(
          "author_timeline_below",
          "select id from statuses where author_id = $1 and id < $2 and id >= $3 order by id desc limit $4",
          range,
        ),
      );
    for (const { id } of rows) if (isWithin(id, page.before, pulled)) found.push(id);
    return found.slice(0, page.limit);
  }

  async #load(authors: readonly AccountId[]): Promise<Map<AccountId, AuthorTimeline>> {
    const rows = await this.#database.shards.gatherBy(authors, byItself, (shard, own) =>
      shard.readNow((database) =>
        database.prepared<{ author_id: AccountId; ids: StatusId[] }>(
          "author_timelines",
          `select a.id as author_id, array(
           select id from statuses where author_id = a.id order by id desc limit ${KEPT_PER_AUTHOR}) as ids
         from unnest($1::bigint[]) as a (id)`,
          [own],
        ),
      ),
    );
    return new Map(
      rows.map(({ author_id, ids }) => [
        author_id,
        { ids, floor: ids.length < KEPT_PER_AUTHOR ? 0n : (ids.at(-1) ?? 0n) },
      ]),
    );
  }
}

function isWithin(id: StatusId, before: StatusId | null, ranges: readonly IdRange[]): boolean {
  return (before === null || id < before) && ranges.some((range) => id >= range.from && id < range.to);
}
