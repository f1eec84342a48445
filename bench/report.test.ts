import { expect, test } from "vitest";
import { BENCHES } from "./benches.ts";
import { figuresOf, homeShared } from "./home-shared.ts";
import { type Figure, linesOf, type Outcome, ROWS, tableLines, tableOf } from "./report.ts";

const measured = (...figures: Figure[]): Outcome => ({
  rows: figures.flatMap(({ row }) => (row ? [row] : [])),
  measured: { conditions: "somewhere", figures },
});

test("a target for the ratio is held against the ratio, one for the number against the number", () => {
  const rows = tableOf([
    measured({
      row: "posts",
      measured: 600,
      unit: "/s",
      heldAgainst: { what: "pgbench", value: 1_000 },
    }),
    measured({ row: "rebuild", measured: 51, unit: "ms", heldAgainst: { what: "SQL", value: 500 } }),
  ]);
  expect(rows.map(({ row, ratio, target, reached }) => [row, ratio, target, reached])).toEqual([
    ["posts", "0.60", "≥ 0.5", "yes"],
    ["rebuild", "0.10", "≤ 50 ms", "no"],
  ]);
});

test("the ratio of rounds counts, where there is one", () => {
  const figure: Figure = {
    row: "home",
    measured: 500,
    unit: "/s",
    heldAgainst: { what: "a bare handler", value: 1_000 },
    ratio: 0.49,
  };
  expect(tableOf([measured(figure)])[0]?.reached).toBe("no");
});

test("what couldn't be measured says why, and isn't reached", () => {
  const [row] = tableOf([{ rows: ["deliveries"], notMeasured: "Kafka isn't installed" }]);
  expect(row?.measured).toBe("not measured: Kafka isn't installed");
  expect(row?.reached).toBe("–");
});

test("the table has the rows of what was asked for, and is as wide as its cells", () => {
  const lines = tableLines(tableOf([measured({ row: "timelineMemory", measured: 9.1, unit: "bytes" })]));
  expect(lines).toHaveLength(3);
  expect(new Set(lines.map((line) => line.length)).size).toBe(1);
  expect(lines[2]).toContain("9.1 bytes");
});

test("each figure has a line, and says the unit and what it's held against", () => {
  const outcome = measured({
    what: "reads",
    measured: 12_345.6,
    unit: "/s",
    heldAgainst: { what: "a limit", value: 24_691.2 },
  });
  expect("measured" in outcome && linesOf(outcome.measured)).toEqual([
    "somewhere",
    expect.stringMatching(/^ {2}reads +12,346\/s {2}of 24,691\/s: a limit {2}ratio 0\.50$/),
  ]);
});

test("each row of the table is measured by one part of a benchmark", () => {
  const parts = Object.values(BENCHES).flat();
  expect(parts.flatMap(({ rows }) => rows).toSorted()).toEqual(Object.keys(ROWS).toSorted());
});

test("several processes are told with the cores they used, without which their ratio says little", () => {
  const answered = { rate: 1_000, p99Ms: 10, perCpuSecond: 2_000 };
  const figures = figuresOf([
    {
      bare: { ...answered, cores: 0.5 },
      one: { ...answered, cores: 0.9 },
      all: { ...answered, cores: 1.4 },
    },
  ]);
  const rows = figures.flatMap(({ row }) => row ?? []);
  // The machine tells the memory, or doesn't.
  expect(rows).toEqual(homeShared.rows.filter((row) => row !== "apiMemory"));
  expect(linesOf({ conditions: "", figures }).join("\n")).toMatch(
    /cores used by these processes +1\.4 cores +of 0\.9 cores: one process/,
  );
});
