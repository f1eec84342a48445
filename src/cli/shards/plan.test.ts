import { describe, expect, it } from "vitest";
import { parseShards, planMoves, shortened, writeShards } from "./plan.ts";

const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe("shards as text", () => {
  it.each([
    ["0-3,7", [0, 1, 2, 3, 7]],
    ["7, 5-6", [5, 6, 7]],
    ["1023", [1023]],
    ["1024", null],
    ["3-1", null],
    ["", null],
    ["a", null],
    ["1,,2", null],
  ])("%s", (text, shards) => expect(parseShards(text, 1024)).toEqual(shards));

  it("is what was read", () => expect(writeShards([0, 1, 2, 5, 7, 8])).toBe("0-2,5,7-8"));

  it("is shortened for people where it would be long", () => {
    for (const short of ["", "0-511", "0,2,4,6,8,10-1023"]) expect(shortened(short)).toBe(short);
    expect(shortened(writeShards(range(0, 511).map((n) => 2 * n)))).toBe("0,2,4,6,8,10,… (all: --json)");
  });
});

describe("a plan", () => {
  const spreadAfter = (held: ReadonlyMap<string, readonly number[]>, over: readonly string[]) => {
    const now = new Map([...held].map(([id, shards]) => [id, new Set(shards)]));
    for (const { from, to, shards } of planMoves(held, over)) {
      for (const shard of shards) {
        expect(now.get(from)?.delete(shard)).toBe(true);
        now.set(to, (now.get(to) ?? new Set()).add(shard));
      }
    }
    return [...now].map(([id, shards]) => `${id} ${shards.size}`).sort();
  };

  it("gives a new database its share, and moves nothing else", () => {
    const held = new Map([
      ["a", range(0, 511)],
      ["b", range(512, 1023)],
    ]);
    expect(spreadAfter(held, ["a", "b", "c"])).toEqual(["a 342", "b 341", "c 341"]);
    expect(planMoves(held, ["a", "b", "c"]).reduce((sum, { shards }) => sum + shards.length, 0)).toBe(341);
  });

  it("empties one that isn't meant to hold any", () => {
    const held = new Map([
      ["main", range(0, 1023)],
      ["a", []],
    ]);
    expect(spreadAfter(held, ["a", "b"])).toEqual(["a 512", "b 512", "main 0"]);
  });

  it("has nothing to do where shards are spread evenly", () => {
    const held = new Map([
      ["a", range(0, 511)],
      ["b", range(512, 1023)],
    ]);
    expect(planMoves(held, ["a", "b"])).toEqual([]);
  });
});
