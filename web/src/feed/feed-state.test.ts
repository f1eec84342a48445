import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  appendOlder,
  catchUp,
  type FeedState,
  fillGap,
  insertOwn,
  MAX_ROWS,
  openFeed,
  prependNewer,
  receive,
  refreshTop,
  removeEntries,
  rowKey,
  showWaiting,
  trimAbove,
  trimBelow,
  waitingIds,
} from "./feed-state.ts";
import { byNewest, isNewer } from "./order.ts";

const BASE = 1_100_000_000_000_000_000n;
const id = (n: number) => `${BASE + BigInt(n)}`;
const range = (from: number, to: number) =>
  Array.from({ length: Math.abs(from - to) + 1 }, (_, i) => id(from > to ? from - i : from + i));
const shown = (state: FeedState) => state.rows.map(rowKey);

describe("the order of ids", () => {
  test("compares 19 digits exactly, where numbers would not", () => {
    expect(Number("1100000000000000001")).toBe(Number("1100000000000000000"));
    expect(isNewer("1100000000000000001", "1100000000000000000")).toBe(true);
  });

  test("takes the longer id for the newer", () => {
    expect(["9", "10", "100"].sort(byNewest)).toEqual(["100", "10", "9"]);
  });
});

describe("new entries", () => {
  test("wait, and change nothing of what is shown", () => {
    const before = openFeed({ ids: range(5, 1), older: id(1) });
    const after = receive(receive(before, id(6)), id(7));
    expect(after.rows).toBe(before.rows);
    expect(waitingIds(after)).toEqual([id(7), id(6)]);
  });

  test("count once, however often they come", () => {
    const state = receive(receive(openFeed({ ids: range(5, 1), older: null }), id(6)), id(6));
    expect(waitingIds(state)).toEqual([id(6)]);
    expect(receive(state, id(3))).toBe(state);
  });

  test("are put on top in order when asked for", () => {
    let state = openFeed({ ids: range(5, 1), older: null });
    for (const n of [8, 6, 7]) state = receive(state, id(n));
    expect(shown(showWaiting(state))).toEqual(range(8, 1));
  });

  test("find their place below one's own post, which is shown at once", () => {
    let state = receive(openFeed({ ids: range(3, 1), older: null }), id(4));
    state = insertOwn(state, id(5));
    expect(shown(state)).toEqual([id(5), ...range(3, 1)]);
    expect(shown(showWaiting(state))).toEqual(range(5, 1));
  });

  test("one's own post that the stream brought first no longer waits", () => {
    const state = insertOwn(receive(openFeed({ ids: range(3, 1), older: null }), id(4)), id(4));
    expect(state.waiting).toEqual([]);
    expect(shown(state)).toEqual(range(4, 1));
  });
});

describe("after the stream was away", () => {
  const before = openFeed({ ids: range(10, 1), older: id(1) });

  test("a short page closes up without a gap", () => {
    const state = showWaiting(catchUp(before, range(14, 11), { isPageFull: false }));
    expect(shown(state)).toEqual(range(14, 1));
  });

  test("a full page that does not reach what is known leaves a gap", () => {
    const state = showWaiting(catchUp(before, range(60, 21), { isPageFull: true }));
    expect(shown(state)).toEqual([...range(60, 21), `gap-${id(10)}`, ...range(10, 1)]);
  });

  test("a full page that reaches it does not", () => {
    const state = showWaiting(catchUp(before, range(14, 8), { isPageFull: true }));
    expect(shown(state)).toEqual(range(14, 1));
  });

  test("a gap is filled from its newer edge, the rest of it stays below", () => {
    let state = showWaiting(catchUp(before, range(60, 51), { isPageFull: true }));
    state = fillGap(state, { newerId: id(51), olderId: id(10) }, range(50, 31), { isPageFull: true });
    expect(shown(state)).toEqual([...range(60, 31), `gap-${id(10)}`, ...range(10, 1)]);
    state = fillGap(state, { newerId: id(31), olderId: id(10) }, range(30, 11), { isPageFull: false });
    expect(shown(state)).toEqual(range(60, 1));
  });

  test("a gap nothing was in just goes", () => {
    let state = showWaiting(catchUp(before, range(60, 51), { isPageFull: true }));
    state = fillGap(state, { newerId: id(51), olderId: id(10) }, [], { isPageFull: false });
    expect(shown(state)).toEqual([...range(60, 51), ...range(10, 1)]);
  });
});

describe("the far ends", () => {
  test("are let go above, and fetched again from there", () => {
    let state = openFeed({ ids: range(700, 100), older: id(100) });
    state = trimAbove(appendOlder(state, { ids: range(99, 60), older: id(60) }));
    expect(state.rows).toHaveLength(MAX_ROWS);
    expect(state.isTrimmedAbove).toBe(true);
    expect(shown(state).at(-1)).toBe(id(60));
    const top = Number(BigInt(shown(state)[0] ?? "") - BASE);
    state = prependNewer(state, range(top + 40, top + 1), { isPageFull: true });
    expect(shown(state)[0]).toBe(id(top + 40));
    expect(shown(state).at(-1)).toBe(id(60));
    state = trimBelow(state);
    expect(state.rows).toHaveLength(MAX_ROWS);
    expect(state.older).toBe(shown(state).at(-1));
    expect(prependNewer(state, [], { isPageFull: false }).isTrimmedAbove).toBe(false);
  });

  test("what comes on top of rows let go above stands behind a gap", () => {
    let state = openFeed({ ids: range(700, 60), older: id(60) });
    state = receive(trimAbove(state), id(900));
    state = showWaiting(state);
    expect(shown(state).slice(0, 3)).toEqual([id(900), `gap-${id(659)}`, id(659)]);
    expect(state.isTrimmedAbove).toBe(false);
  });

  test("following someone refreshes the newest page and keeps what was read below it", () => {
    const odd = openFeed({ ids: [9, 7, 5, 3, 1].map(id), older: id(1) });
    const state = refreshTop(odd, { ids: range(9, 6), older: id(6) });
    expect(shown(state)).toEqual([...range(9, 6), id(5), id(3), id(1)]);
    expect(state.older).toBe(id(1));
    expect(refreshTop(odd, { ids: [], older: null }).rows).toEqual([]);
  });

  test("deleted entries go from what is shown and from what waits", () => {
    let state = receive(openFeed({ ids: range(3, 1), older: null }), id(4));
    state = removeEntries(state, (entry) => entry === id(2) || entry === id(4));
    expect(shown(state)).toEqual([id(3), id(1)]);
    expect(state.waiting).toEqual([]);
    expect(removeEntries(state, () => false)).toBe(state);
  });
});

test("whatever happens, rows are strictly newest first and none is there twice", () => {
  const n = fc.integer({ min: 1, max: 120 });
  const step = fc.oneof(
    n.map((x) => (s: FeedState) => receive(s, id(x))),
    n.map((x) => (s: FeedState) => insertOwn(s, id(x))),
    n.map((x) => (s: FeedState) => removeEntries(s, (entry) => entry === id(x))),
    fc.constant((s: FeedState) => showWaiting(s)),
    fc.tuple(fc.uniqueArray(n, { maxLength: 20 }), fc.boolean()).map(([xs, isPageFull]) => (s: FeedState) => {
      const newest = s.rows[0];
      const after = newest?.kind === "entry" ? newest.id : id(0);
      const ids = xs.map(id).filter((x) => isNewer(x, after));
      return catchUp(s, ids.sort(byNewest), { isPageFull });
    }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let state = openFeed({ ids: range(40, 30), older: null });
      for (const change of steps) state = change(state);
      for (const rows of [showWaiting(state).rows, state.rows]) {
        const ids = rows.flatMap((row) => (row.kind === "entry" ? [row.id] : []));
        ids.forEach((entry, i) => {
          const next = ids[i + 1];
          if (next !== undefined) expect(isNewer(entry, next)).toBe(true);
        });
      }
    }),
  );
});
