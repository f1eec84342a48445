/** A list's timeline: the members' statuses, read straight from the database under the same rules of sight. */
import type { AccountId, ListId, StatusId } from "../core/ids.ts";
import type { Page } from "../core/page.ts";
import type { List } from "../relations/lists.ts";
import { listMemberIds, listsOf } from "../relations/lists.ts";
import type { Relations } from "../relations/relations.ts";
import type { StatusRecord } from "../statuses/records.ts";
import { type CandidateScope, candidatesAbove, candidatesBelow } from "./candidates.ts";
import { type Judge, visibleEntries } from "./entries.ts";
import type { HomeTimelineContext } from "./home-timeline.ts";
import { cutPage, type EntryBatch, type EntrySource } from "./paging.ts";
import { exclusionOf } from "./visibility.ts";

export async function readListTimeline(
  context: HomeTimelineContext,
  viewerId: AccountId,
  list: List,
  page: Page,
): Promise<StatusRecord[]> {
  const relations = await context.relations.of(viewerId);
  const members = await context.database.readNow(({ db }) => listMemberIds(db, list.id));
  const source = new ListSource(context, relations, listScope(list, members, relations));
  return (await cutPage(source, page)).map((entry) => entry.record);
}

/** Which replies show is the list's own rule. */
function listScope(list: List, members: readonly AccountId[], relations: Relations): CandidateScope {
  const repliedIds = {
    list: [...members, relations.viewerId],
    followed: [...relations.following.keys(), relations.viewerId],
    none: [],
  }[list.repliesPolicy];
  const withoutReblogsIds = members.filter((id) => relations.following.get(id)?.showReblogs === false);
  return { viewerId: relations.viewerId, authorIds: members, withoutReblogsIds, repliedIds };
}

class ListSource implements EntrySource {
  readonly #context: HomeTimelineContext;
  readonly #relations: Relations;
  readonly #scope: CandidateScope;

  constructor(context: HomeTimelineContext, relations: Relations, scope: CandidateScope) {
    this.#context = context;
    this.#relations = relations;
    this.#scope = scope;
  }

  async below(before: bigint | null, wanted: number): Promise<EntryBatch> {
    const window = await candidatesBelow(this.#context.database, this.#scope, before, wanted);
    const entries = await this.#visible(window.entries);
    return { entries, next: window.floor, done: window.floor === 0n };
  }

  async above(after: bigint, before: bigint | null, wanted: number): Promise<EntryBatch> {
    const candidates = await candidatesAbove(this.#context.database, this.#scope, { after, before }, wanted);
    const entries = await this.#visible(candidates);
    return { entries, next: candidates.at(-1) ?? after, done: candidates.length < wanted };
  }

  async #visible(candidates: readonly bigint[]) {
    return (await visibleEntries(this.#context, candidates, this.#relations, judgeInList)).entries;
  }
}

/** Which replies show was the list's own rule, and members of an exclusive list show here of all places. */
const judgeInList: Judge = (entry, relations, nowMs) => {
  const reason = exclusionOf(entry, relations, nowMs);
  // Both rules come after every other, so nothing else hides behind them.
  return reason === "reply-to-others" || reason === "on-exclusive-list" ? null : reason;
};

/** Whether the status is in the list's timeline now. A list that is gone has none. */
export async function isInListTimeline(
  context: HomeTimelineContext,
  viewerId: AccountId,
  listId: ListId,
  statusId: StatusId,
): Promise<boolean> {
  const list = (await listsOf(context.database.db, viewerId)).find((one) => one.id === listId);
  if (!list) return false;
  const page = { before: statusId + 1n, after: statusId - 1n, edge: "newest", limit: 1 } as const;
  return (await readListTimeline(context, viewerId, list, page)).length === 1;
}
