/**
 * The rules of a home timeline, as one pure function. Reading, the auditor and "why is this not here" all ask it;
 * only the loading of facts differs. `oracle.ts` says the same in SQL.
 */
import type { AccountId } from "../core/ids.ts";
import { hidingOf, namesUnwanted, type Relations } from "../relations/relations.ts";
import type { StatusFacts } from "../statuses/records.ts";

export interface EntryFacts {
  readonly status: StatusFacts;
  /** What a boost boosts; null for a status that is no boost, undefined for a boost whose original is gone. */
  readonly original: StatusFacts | null | undefined;
  readonly isSuspended: (accountId: AccountId) => boolean;
}

export type Exclusion =
  | "original-deleted"
  | "author-suspended"
  | "not-followed"
  | "on-exclusive-list"
  | "blocked"
  | "muted"
  | "names-unwanted"
  | "not-addressed"
  | "followers-only"
  | "boosts-off"
  | "reply-to-others";

/** Why the entry isn't in the viewer's home timeline; null when it is. */
export function exclusionOf(entry: EntryFacts, relations: Relations, nowMs: number): Exclusion | null {
  const { status, original } = entry;
  if (original === undefined) return "original-deleted";
  return (
    exclusionOfAuthor(entry, relations, nowMs) ??
    (original === null ? null : exclusionOfOriginal(entry, original, relations, nowMs)) ??
    exclusionOfNames(status, original ?? status, relations, nowMs) ??
    exclusionOfAddress(status, relations) ??
    exclusionOfKind(status, relations) ??
    // Last, so that a list's own timeline can pass over it alone.
    (relations.exclusiveListMembers.has(status.authorId) && status.authorId !== relations.viewerId
      ? "on-exclusive-list"
      : null)
  );
}

function exclusionOfAuthor(entry: EntryFacts, relations: Relations, nowMs: number): Exclusion | null {
  const { authorId } = entry.status;
  if (entry.isSuspended(authorId)) return "author-suspended";
  if (authorId === relations.viewerId) return null;
  if (!relations.following.has(authorId)) return "not-followed";
  return hidingOf(relations, authorId, nowMs);
}

function exclusionOfOriginal(
  entry: EntryFacts,
  original: StatusFacts,
  relations: Relations,
  nowMs: number,
): Exclusion | null {
  if (entry.isSuspended(original.authorId)) return "author-suspended";
  if (original.authorId === relations.viewerId) return null;
  if (original.visibility === "private" && !relations.following.has(original.authorId))
    return "followers-only";
  if (original.visibility === "direct") return "not-addressed";
  return hidingOf(relations, original.authorId, nowMs);
}

/** `shown` is what the viewer reads: the status, or what it boosts. What one wrote or boosted oneself always shows. */
function exclusionOfNames(
  status: StatusFacts,
  shown: StatusFacts,
  relations: Relations,
  nowMs: number,
): Exclusion | null {
  if (status.authorId === relations.viewerId || shown.authorId === relations.viewerId) return null;
  return namesUnwanted(relations, shown.mentionIds, nowMs) ? "names-unwanted" : null;
}

function exclusionOfAddress(status: StatusFacts, relations: Relations): Exclusion | null {
  if (status.visibility !== "direct" || status.authorId === relations.viewerId) return null;
  return status.mentionIds.includes(relations.viewerId) ? null : "not-addressed";
}

/** One's own boosts and replies always show; others' boosts by the follow's switch, replies by whom they answer. */
function exclusionOfKind(status: StatusFacts, relations: Relations): Exclusion | null {
  if (status.authorId === relations.viewerId) return null;
  if (status.reblogOfId !== null) {
    return relations.following.get(status.authorId)?.showReblogs ? null : "boosts-off";
  }
  const repliedId = status.inReplyToAccountId;
  if (repliedId === null || repliedId === relations.viewerId || relations.following.has(repliedId))
    return null;
  return "reply-to-others";
}
