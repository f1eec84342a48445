/**
 * What a list on screen holds, and every change to it, as pure functions. Nothing here moves what is being read:
 * new entries wait until they are asked for, and missed ones are marked by a gap.
 */
import { byNewest, isNewer } from "./order.ts";

/** More than this is never kept: the far end is let go and fetched again when it is come back to. */
export const MAX_ROWS = 600;

export type FeedRow =
  | { readonly kind: "entry"; readonly id: string }
  /** Entries newer than `olderId` and older than `newerId` were missed. */
  | { readonly kind: "gap"; readonly newerId: string; readonly olderId: string };

/** What is shown as one row: an entry, a gap, or entries that say the same of one thing. */
export type ListRow =
  | FeedRow
  | { readonly kind: "group"; readonly key: string; readonly ids: readonly string[] };

export interface FeedState {
  readonly rows: readonly FeedRow[];
  /** Newer than what is shown, newest first. */
  readonly waiting: readonly FeedRow[];
  /** The `max_id` of the page below; null when the list ends here. */
  readonly older: string | null;
  /** Rows were let go at the top: what is above must be fetched again. */
  readonly isTrimmedAbove: boolean;
}

export interface Page {
  readonly ids: readonly string[];
  readonly older: string | null;
}

export const EMPTY: FeedState = { rows: [], waiting: [], older: null, isTrimmedAbove: false };

export function rowKey(row: ListRow): string {
  if (row.kind === "group") return row.key;
  return row.kind === "entry" ? row.id : `gap-${row.olderId}`;
}

export function openFeed(page: Page): FeedState {
  return { ...EMPTY, rows: entries(unique(page.ids)), older: page.older };
}

export function appendOlder(state: FeedState, page: Page): FeedState {
  const known = idsIn(state.rows);
  const fresh = unique(page.ids).filter((id) => !known.has(id));
  return { ...state, rows: [...state.rows, ...entries(fresh)], older: page.older };
}

/**
 * The newest page anew, after who is followed has changed: it stands as the server gives it, and what was read
 * further down stays below it.
 */
export function refreshTop(state: FeedState, page: Page): FeedState {
  const last = page.ids.at(-1);
  if (last === undefined) return openFeed(page);
  const below = state.rows.filter((row) => isNewer(last, edgeOf(row)));
  return {
    rows: [...entries(unique(page.ids)), ...below],
    waiting: [],
    older: below.length > 0 ? state.older : page.older,
    isTrimmedAbove: false,
  };
}

/** An entry that has just come into being. Already known ones change nothing. */
export function receive(state: FeedState, id: string): FeedState {
  if (idsIn(state.rows).has(id) || idsIn(state.waiting).has(id)) return state;
  return { ...state, waiting: merge(state.waiting, entries([id])) };
}

/** One's own new post is shown at once; what waits keeps waiting and finds its place below it. */
export function insertOwn(state: FeedState, id: string): FeedState {
  if (idsIn(state.rows).has(id)) return state;
  const waiting = state.waiting.filter((row) => row.kind === "gap" || row.id !== id);
  const closed = closeAbove(state, id);
  return { ...closed, waiting, rows: merge(closed.rows, entries([id])) };
}

/**
 * The newest page after the stream was away. A page that is full and does not reach what is known leaves a gap
 * behind it.
 */
export function catchUp(
  state: FeedState,
  ids: readonly string[],
  options: { isPageFull: boolean },
): FeedState {
  const known = new Set([...idsIn(state.rows), ...idsIn(state.waiting)]);
  const fresh = unique(ids).filter((id) => !known.has(id));
  const oldestFresh = fresh.at(-1);
  if (oldestFresh === undefined) return state;
  const newestKnown = newestId(state);
  const reachesKnown = fresh.length < ids.length;
  const isGap = options.isPageFull && !reachesKnown && newestKnown !== null;
  const rows: FeedRow[] = entries(fresh);
  if (isGap) rows.push({ kind: "gap", newerId: oldestFresh, olderId: newestKnown });
  return { ...state, waiting: merge(state.waiting, rows) };
}

export function showWaiting(state: FeedState): FeedState {
  if (state.waiting.length === 0) return state;
  const known = idsIn(state.rows);
  const fresh = state.waiting.filter((row) => row.kind === "gap" || !known.has(row.id));
  const lowest = state.waiting.at(-1);
  const closed = lowest ? closeAbove(state, edgeOf(lowest)) : state;
  return { ...closed, rows: merge(closed.rows, fresh), waiting: [] };
}

/** Rows were let go between the first one and what now comes on top of it: that is a gap like any other. */
function closeAbove(state: FeedState, newerId: string): FeedState {
  const first = state.rows[0];
  if (!state.isTrimmedAbove || first?.kind !== "entry") return state;
  const rows: FeedRow[] = [{ kind: "gap", newerId, olderId: first.id }, ...state.rows];
  return { ...state, rows, isTrimmedAbove: false };
}

/** Fills downwards from the newer edge; a full page leaves the rest of the gap below it. */
export function fillGap(
  state: FeedState,
  gap: { newerId: string; olderId: string },
  ids: readonly string[],
  options: { isPageFull: boolean },
): FeedState {
  const at = state.rows.findIndex((row) => row.kind === "gap" && row.olderId === gap.olderId);
  if (at === -1) return state;
  const known = idsIn(state.rows);
  const inside = unique(ids).filter((id) => isNewer(gap.newerId, id) && isNewer(id, gap.olderId));
  const fresh = inside.filter((id) => !known.has(id));
  const last = inside.at(-1);
  const rest: FeedRow[] =
    options.isPageFull && last !== undefined ? [{ ...gap, kind: "gap", newerId: last }] : [];
  return {
    ...state,
    rows: [...state.rows.slice(0, at), ...entries(fresh), ...rest, ...state.rows.slice(at + 1)],
  };
}

/** The page just above the rows, when they had been let go there. An empty or short one ends the trimming. */
export function prependNewer(
  state: FeedState,
  ids: readonly string[],
  options: { isPageFull: boolean },
): FeedState {
  const known = idsIn(state.rows);
  const fresh = unique(ids).filter((id) => !known.has(id));
  const isTrimmedAbove = options.isPageFull && fresh.length > 0;
  return { ...state, rows: merge(state.rows, entries(fresh)), isTrimmedAbove };
}

export function removeEntries(state: FeedState, isGone: (id: string) => boolean): FeedState {
  const keep = (row: FeedRow) => row.kind === "gap" || !isGone(row.id);
  const [rows, waiting] = [state.rows.filter(keep), state.waiting.filter(keep)];
  const isSame = rows.length === state.rows.length && waiting.length === state.waiting.length;
  return isSame ? state : { ...state, rows, waiting };
}

/** Lets go of the newest rows after reading far down. What waits is newer still, and is fetched again too. */
export function trimAbove(state: FeedState): FeedState {
  if (state.rows.length <= MAX_ROWS) return state;
  return { ...state, rows: state.rows.slice(-MAX_ROWS), waiting: [], isTrimmedAbove: true };
}

/**
 * Lets go of the oldest rows. Like above, a step of its own: a list that changes at both ends at once can't tell where
 * its reader is.
 */
export function trimBelow(state: FeedState): FeedState {
  if (state.rows.length <= MAX_ROWS) return state;
  const rows = state.rows.slice(0, MAX_ROWS);
  const last = rows.findLast((row) => row.kind === "entry");
  return { ...state, rows, older: last?.kind === "entry" ? last.id : state.older };
}

export function waitingIds(state: FeedState): string[] {
  return [...idsIn(state.waiting)];
}

export function newestId(state: FeedState): string | null {
  const row = state.waiting[0] ?? state.rows[0];
  if (!row) return null;
  return row.kind === "entry" ? row.id : row.newerId;
}

function entries(ids: readonly string[]): FeedRow[] {
  return ids.map((id) => ({ kind: "entry", id }));
}

function idsIn(rows: readonly FeedRow[]): Set<string> {
  return new Set(rows.flatMap((row) => (row.kind === "entry" ? [row.id] : [])));
}

function unique(ids: readonly string[]): string[] {
  return [...new Set(ids)];
}

/** Two runs of rows, both newest first, as one. A gap stands right below its newer edge. */
function merge(a: readonly FeedRow[], b: readonly FeedRow[]): FeedRow[] {
  return [...a, ...b].sort(
    (x, y) => byNewest(edgeOf(x), edgeOf(y)) || Number(x.kind === "gap") - Number(y.kind === "gap"),
  );
}

function edgeOf(row: FeedRow): string {
  return row.kind === "entry" ? row.id : row.newerId;
}
