/**
 * What a viewer gets to see of statuses and accounts, wherever they are listed: by id, in a thread, on a profile, in a
 * timeline. One rule for all of these, so that a block or a mute holds in each.
 */
import type { Clock } from "../core/clock.ts";
import { NotFound } from "../core/errors.ts";
import type { AccountId, StatusId } from "../core/ids.ts";
import { hidingOf, namesUnwanted, type Relations, type RelationsCache } from "../relations/relations.ts";
import type { StatusCache, StatusFacts, StatusRecord } from "./records.ts";

export interface AccessContext {
  readonly statuses: StatusCache;
  readonly relations: RelationsCache;
}

export interface SightContext extends AccessContext {
  readonly clock: Clock;
}

/** Where statuses are listed. What the viewer wrote or boosted shows in every place. */
export interface Place {
  /** A timeline, or what is like one, leaves out posts that name an account the viewer blocks or mutes. */
  readonly isTimeline: boolean;
  /** The account whose own page this is: whoever opens it means to see that account. */
  readonly ownerId: AccountId | null;
}

export const TIMELINE: Place = { isTimeline: true, ownerId: null };
export const CONVERSATION: Place = { isTimeline: false, ownerId: null };

/** The record, if there is one that the viewer may see. Throws NotFound in both other cases: which, nobody learns. */
export async function requireVisible(
  context: AccessContext,
  id: StatusId,
  viewerId: AccountId | null,
): Promise<StatusRecord> {
  const record = await context.statuses.get(id);
  if (!record) throw new NotFound();
  const [visible] = await onlyVisible(context, [record], viewerId);
  if (!visible) throw new NotFound();
  return visible;
}

/**
 * Those of the records that the viewer may look up, in their order. A boost needs its original to be visible too. Not
 * for lists: whom the viewer blocks or mutes can still be looked up; `onlyShown` leaves them out.
 */
export async function onlyVisible(
  context: AccessContext,
  records: readonly StatusRecord[],
  viewerId: AccountId | null,
): Promise<StatusRecord[]> {
  const relations = viewerId === null ? null : await context.relations.of(viewerId);
  return (await withOriginals(context, records, relations)).map(({ record }) => record);
}

/** Those of the records that show to the viewer in this place, in their order. */
export async function onlyShown(
  context: SightContext,
  records: readonly StatusRecord[],
  viewerId: AccountId | null,
  place: Place,
): Promise<StatusRecord[]> {
  const relations = viewerId === null ? null : await context.relations.of(viewerId);
  const visible = await withOriginals(context, records, relations);
  const nowMs = context.clock.nowMs();
  return visible
    .filter(({ record, original }) => !relations || shows(record.facts, original, relations, place, nowMs))
    .map(({ record }) => record);
}

/** Those of the accounts that show to the viewer where accounts are listed, in their order. */
export async function onlyShownAccounts(
  context: SightContext,
  ids: readonly AccountId[],
  viewerId: AccountId | null,
): Promise<AccountId[]> {
  const relations = viewerId === null ? null : await context.relations.of(viewerId);
  const profiles = await context.statuses.profiles.getMany(ids);
  const nowMs = context.clock.nowMs();
  return ids.filter((id) => {
    if (profiles.get(id)?.suspended ?? true) return false;
    return relations === null || hidingOf(relations, id, nowMs) === null;
  });
}

/** Whether the account blocks the viewer, who then sees none of its posts, nor whom it has to do with. */
export async function isBlockedBy(
  { relations }: AccessContext,
  viewerId: AccountId | null,
  accountId: AccountId,
): Promise<boolean> {
  return viewerId !== null && (await relations.of(viewerId)).blockedBy.has(accountId);
}

interface Visible {
  readonly record: StatusRecord;
  /** What a boost boosts. */
  readonly original: StatusFacts | null;
}

async function withOriginals(
  context: AccessContext,
  records: readonly StatusRecord[],
  relations: Relations | null,
): Promise<Visible[]> {
  const originals = await context.statuses.getMany(
    records.flatMap(({ facts }) => (facts.reblogOfId === null ? [] : [facts.reblogOfId])),
  );
  const all = [...records, ...originals.values()];
  const profiles = await context.statuses.profiles.getMany(all.map(({ facts }) => facts.authorId));
  const allowed = ({ facts }: StatusRecord): boolean => {
    const author = profiles.get(facts.authorId);
    return author !== undefined && !author.suspended && maySee(facts, relations);
  };
  return records.flatMap((record): Visible[] => {
    if (!allowed(record)) return [];
    if (record.facts.reblogOfId === null) return [{ record, original: null }];
    const original = originals.get(record.facts.reblogOfId);
    return original !== undefined && allowed(original) ? [{ record, original: original.facts }] : [];
  });
}

/** Visibility, and blocks by the author. */
function maySee(facts: StatusFacts, relations: Relations | null): boolean {
  if (relations === null) return facts.visibility === "public" || facts.visibility === "unlisted";
  if (facts.authorId === relations.viewerId) return true;
  const isMentioned = facts.mentionIds.includes(relations.viewerId);
  switch (facts.visibility) {
    case "direct":
      return isMentioned;
    case "private":
      return isMentioned || relations.following.has(facts.authorId);
    default:
      return !relations.blockedBy.has(facts.authorId);
  }
}

function shows(
  status: StatusFacts,
  original: StatusFacts | null,
  relations: Relations,
  { isTimeline, ownerId }: Place,
  nowMs: number,
): boolean {
  if (status.authorId === relations.viewerId) return true;
  const said = original ?? status;
  for (const { authorId } of [status, said]) {
    if (authorId !== ownerId && hidingOf(relations, authorId, nowMs) !== null) return false;
  }
  return (
    !isTimeline || said.authorId === relations.viewerId || !namesUnwanted(relations, said.mentionIds, nowMs)
  );
}
