/** From candidate ids to the entries a viewer sees: facts loaded in one go, then the pure rules. */
import type { Clock } from "../core/clock.ts";
import type { AccountId, StatusId } from "../core/ids.ts";
import type { Relations } from "../relations/relations.ts";
import type { StatusCache, StatusRecord } from "../statuses/records.ts";
import { type EntryFacts, type Exclusion, exclusionOf } from "./visibility.ts";

export interface Entry {
  readonly id: StatusId;
  /** The status itself, or what it boosts. */
  readonly originalId: StatusId;
  readonly record: StatusRecord;
}

export type Judge = (entry: EntryFacts, relations: Relations, nowMs: number) => Exclusion | null;

/** The visible ones of the candidates, in their order. `missing` are candidates that no longer exist. */
export async function visibleEntries(
  context: { statuses: StatusCache; clock: Clock },
  candidates: readonly StatusId[],
  relations: Relations,
  judge: Judge = exclusionOf,
): Promise<{ entries: Entry[]; missing: StatusId[] }> {
  const { statuses, clock } = context;
  const records = await statuses.getAll(candidates);
  const originals = await statuses.getAll(reblogged(records));
  const suspended = await suspendedAuthors(statuses, [...records, ...originals]);
  const isSuspended = (id: AccountId) => suspended.size > 0 && suspended.has(id);
  const nowMs = clock.nowMs();
  const entries: Entry[] = [];
  const missing: StatusId[] = [];
  let boosts = 0;
  records.forEach((record, i) => {
    if (!record) {
      missing.push(candidates[i] as StatusId);
      return;
    }
    const { facts } = record;
    // Originals stand in the order of the boosts among the records.
    const original = facts.reblogOfId === null ? null : originals[boosts++]?.facts;
    if (judge({ status: facts, original, isSuspended }, relations, nowMs) !== null) return;
    entries.push({ id: facts.id, originalId: facts.reblogOfId ?? facts.id, record });
  });
  return { entries, missing };
}

function reblogged(records: readonly (StatusRecord | undefined)[]): StatusId[] {
  const ids: StatusId[] = [];
  for (const record of records) {
    if (record && record.facts.reblogOfId !== null) ids.push(record.facts.reblogOfId);
  }
  return ids;
}

/** Also those that are gone altogether. Usually nobody. */
async function suspendedAuthors(
  statuses: StatusCache,
  records: readonly (StatusRecord | undefined)[],
): Promise<Set<AccountId>> {
  const authors = records.flatMap((record) => (record ? [record.facts.authorId] : []));
  const profiles = await statuses.profiles.getAll(authors);
  const suspended = new Set<AccountId>();
  authors.forEach((id, i) => {
    if (profiles[i]?.suspended ?? true) suspended.add(id);
  });
  return suspended;
}
