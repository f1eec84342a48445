/** Who may see a single status, wherever it's asked for: by id, in a thread, on a profile, as a boost. */
import { NotFound } from "../core/errors.ts";
import type { AccountId, StatusId } from "../core/ids.ts";
import type { Relations, RelationsCache } from "../relations/relations.ts";
import type { StatusCache, StatusRecord } from "./records.ts";

export interface AccessContext {
  readonly statuses: StatusCache;
  readonly relations: RelationsCache;
}

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

/** Those of the records that the viewer may see, in their order. A boost needs its original to be visible too. */
export async function onlyVisible(
  context: AccessContext,
  records: readonly StatusRecord[],
  viewerId: AccountId | null,
): Promise<StatusRecord[]> {
  const relations = viewerId === null ? null : await context.relations.of(viewerId);
  const originals = await context.statuses.getMany(
    records.flatMap(({ facts }) => (facts.reblogOfId === null ? [] : [facts.reblogOfId])),
  );
  const all = [...records, ...originals.values()];
  const profiles = await context.statuses.profiles.getMany(all.map(({ facts }) => facts.authorId));
  const allowed = (record: StatusRecord): boolean => {
    const author = profiles.get(record.facts.authorId);
    return author !== undefined && !author.suspended && maySee(record, relations);
  };
  return records.filter((record) => {
    if (!allowed(record)) return false;
    if (record.facts.reblogOfId === null) return true;
    const original = originals.get(record.facts.reblogOfId);
    return original !== undefined && allowed(original);
  });
}

/** Visibility and blocks. A viewer who blocks the author may still look the status up. */
function maySee({ facts }: StatusRecord, relations: Relations | null): boolean {
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
