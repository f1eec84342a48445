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
  const records = await statuses.getMany(candidates);
  const originalIds: StatusId[] = [];
  for (const { facts } of records.values()) if (facts.reblogOfId !== null) originalIds.push(facts.reblogOfId);
  const originals = originalIds.length === 0 ? records : await statuses.getMany(originalIds);
  const authors = new Set<AccountId>();
  for (const { facts } of records.values()) authors.add(facts.authorId);
  if (originals !== records) for (const { facts } of originals.values()) authors.add(facts.authorId);
  const profiles = await statuses.profiles.getMany([...authors]);
  const isSuspended = (id: AccountId) => profiles.get(id)?.suspended ?? true;
  const nowMs = clock.nowMs();
  const entries: Entry[] = [];
  const missing: StatusId[] = [];
  for (const id of candidates) {
    const record = records.get(id);
    if (!record) {
      missing.push(id);
      continue;
    }
    const { facts } = record;
    const original = facts.reblogOfId === null ? null : originals.get(facts.reblogOfId)?.facts;
    if (judge({ status: facts, original, isSuspended }, relations, nowMs) !== null) continue;
    entries.push({ id, originalId: facts.reblogOfId ?? id, record });
  }
  return { entries, missing };
}
