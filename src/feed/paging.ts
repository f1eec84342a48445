/**
 * Cuts a page out of an endless list of candidates, so that pages are disjoint and contiguous whatever the cursor: an
 * entry's place in the timeline depends on the entries below it alone, never on where a page happens to start.
 */
import { invariant } from "../core/errors.ts";
import type { StatusId } from "../core/ids.ts";
import type { Page } from "../core/page.ts";
import type { Entry } from "./entries.ts";
import { REPEAT_WINDOW } from "./oracle.ts";

/** Visible entries in batches, newest first; `done` says that nothing is below. */
export interface EntrySource {
  below(before: StatusId | null, wanted: number): Promise<EntryBatch>;
  /** Oldest first, above `after` and below `before`. Null when the source would rather be read downwards. */
  above(after: StatusId, before: StatusId | null, wanted: number): Promise<EntryBatch | null>;
}

export interface EntryBatch {
  readonly entries: readonly Entry[];
  /** Where the next batch starts. */
  readonly next: StatusId;
  readonly done: boolean;
}

/** Asked for above the page's size, for what the rules leave out. */
const EXTRA = 12;
const MAX_BATCH = 1_000;

export async function cutPage(source: EntrySource, page: Page): Promise<Entry[]> {
  const entries =
    page.edge === "oldest" && page.after !== null
      ? await oldestPage(source, page, page.after)
      : await newestPage(source, page);
  for (let i = 1; i < entries.length; i++) {
    invariant(
      (entries[i - 1] as Entry).id > (entries[i] as Entry).id,
      "a timeline page is strictly descending",
    );
  }
  return entries;
}

/** The newest entries below `before`, and above `after` if there is one. */
async function newestPage(source: EntrySource, page: Page): Promise<Entry[]> {
  const visible: Entry[] = [];
  let before = page.before;
  let done = false;
  let wanted = Math.min(MAX_BATCH, page.limit + EXTRA);
  for (;;) {
    const kept = keep(visible, done, { after: page.after, limit: page.limit });
    if (kept) return kept;
    const batch = await source.below(before, wanted);
    visible.push(...batch.entries);
    before = batch.next;
    done = batch.done;
    // The next batch covers the window below the page; should most of it be hidden, each one after is larger.
    wanted = Math.min(MAX_BATCH, Math.max(REPEAT_WINDOW, wanted * 2));
  }
}

/** The oldest entries above `after`: the page next to the cursor. */
async function oldestPage(source: EntrySource, page: Page, after: StatusId): Promise<Entry[]> {
  const upwards: Entry[] = [];
  let from = after;
  let lookback: Entry[] | null = null;
  for (;;) {
    const batch = await source.above(from, page.before, page.limit + EXTRA);
    if (batch === null) return lowestOf(source, page);
    upwards.push(...batch.entries);
    from = batch.next;
    lookback ??= await collectBelow(source, after + 1n, REPEAT_WINDOW);
    const kept = keep([...upwards.toReversed(), ...lookback], true, {
      after,
      limit: Number.POSITIVE_INFINITY,
    });
    invariant(kept, "a complete list can be cut");
    if (batch.done || kept.length >= page.limit) return kept.slice(Math.max(0, kept.length - page.limit));
  }
}

/** As `oldestPage`, read downwards from the newest: for sources that hold their newest part in memory. */
async function lowestOf(source: EntrySource, page: Page): Promise<Entry[]> {
  const all = await newestPage(source, { ...page, edge: "newest", limit: Number.MAX_SAFE_INTEGER });
  return all.slice(Math.max(0, all.length - page.limit));
}

async function collectBelow(source: EntrySource, before: StatusId, count: number): Promise<Entry[]> {
  const found: Entry[] = [];
  let from: StatusId | null = before;
  while (found.length < count) {
    const batch = await source.below(from, count);
    found.push(...batch.entries);
    if (batch.done) break;
    from = batch.next;
  }
  return found.slice(0, count);
}

/**
 * Leaves out boosts whose original, or another boost of it, is among the entries of the window right below, and cuts
 * at the limit. Null when more entries are needed to decide.
 */
function keep(
  visible: readonly Entry[],
  complete: boolean,
  cut: { after: StatusId | null; limit: number },
): Entry[] | null {
  const kept: Entry[] = [];
  for (let i = 0; i < visible.length; i++) {
    const entry = visible[i] as Entry;
    if (cut.after !== null && entry.id <= cut.after) return kept;
    if (entry.originalId !== entry.id) {
      const repeated = isRepeated(visible, i);
      if (!repeated && i + REPEAT_WINDOW >= visible.length && !complete) return null;
      if (repeated) continue;
    }
    kept.push(entry);
    if (kept.length === cut.limit) return kept;
  }
  return complete ? kept : null;
}

function isRepeated(visible: readonly Entry[], place: number): boolean {
  const { originalId } = visible[place] as Entry;
  const end = Math.min(visible.length, place + REPEAT_WINDOW + 1);
  for (let i = place + 1; i < end; i++) if ((visible[i] as Entry).originalId === originalId) return true;
  return false;
}
