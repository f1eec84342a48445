import { beforeEach, describe, expect, test } from "vitest";
import { Freshness } from "./freshness.ts";

const KEPT_MS = 10_000;
const at = (entry: number, history = "a") => ({ history, entry: BigInt(entry) });

let nowMs: number;
let freshness: Freshness;

beforeEach(() => {
  nowMs = 0;
  freshness = new Freshness({ keptMsMax: KEPT_MS, clock: { nowMs: () => nowMs } });
  freshness.readTo(at(10));
  nowMs = 20_000;
});

describe("what was loaded elsewhere is believed", () => {
  test("when nothing made it stale since its load began", () => {
    freshness.note(["x"], at(12), false);
    expect(freshness.accepts("x", at(11))).toBe(false);
    expect(freshness.accepts("x", at(12))).toBe(true);
    expect(freshness.accepts("x", at(13))).toBe(true);
    expect(freshness.accepts("y", at(11))).toBe(true);
  });

  test("the newest of several entries counts", () => {
    freshness.note(["x"], at(12), false);
    freshness.note(["x"], at(14), false);
    expect(freshness.accepts("x", at(13))).toBe(false);
  });

  test("not while a change of this process is on its way to the log", () => {
    freshness.begun(["x"]);
    expect(freshness.accepts("x", at(11))).toBe(false);
    // Another's entry, of before: the own one still comes.
    freshness.note(["x"], at(12), false);
    expect(freshness.accepts("x", at(13))).toBe(false);
    freshness.note(["x"], at(14), true);
    expect(freshness.accepts("x", at(13))).toBe(false);
    expect(freshness.accepts("x", at(14))).toBe(true);
  });

  test("of two changes on their way, both are waited for", () => {
    freshness.begun(["x"]);
    freshness.begun(["x"]);
    freshness.note(["x"], at(12), true);
    expect(freshness.accepts("x", at(12))).toBe(false);
    freshness.note(["x"], at(13), true);
    expect(freshness.accepts("x", at(13))).toBe(true);
  });

  test("not under another history", () => {
    expect(freshness.accepts("x", at(99, "b"))).toBe(false);
    freshness.readTo(at(1, "b"));
    expect(freshness.accepts("x", at(99, "a"))).toBe(false);
    expect(freshness.accepts("x", at(1, "b"))).toBe(true);
  });
});

describe("nothing is believed for as long as a value may live", () => {
  const expectBlindForAWhile = () => {
    expect(freshness.isBlind).toBe(true);
    nowMs += KEPT_MS;
    expect(freshness.accepts("x", at(50))).toBe(false);
    nowMs += 1_000;
    expect(freshness.accepts("x", at(50))).toBe(true);
  };

  test("after the start", () => {
    nowMs = 0;
    freshness = new Freshness({ keptMsMax: KEPT_MS, clock: { nowMs: () => nowMs } });
    expect(freshness.begin()).toBeNull();
    freshness.readTo(at(10));
    // What it loads itself is for others all the same.
    expect(freshness.begin()).toEqual({ position: at(10), beganMs: 0 });
    expectBlindForAWhile();
  });

  test("after something may have gone unheard", () => {
    freshness.missed();
    expectBlindForAWhile();
  });

  test("after an entry of its own couldn't be written", () => {
    freshness.begun(["x"]);
    freshness.failed(["x"]);
    expectBlindForAWhile();
  });
});
