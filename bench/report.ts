/** What a measurement says, and the table of what must be reached. Every figure is a number with its unit until it's printed. */

/** The rows of the table: each has its target here alone, and is measured by one part of a benchmark. */
export const ROWS = {
  home: {
    what: "home reads, 20 statuses, warm, one process with everything in it",
    target: { of: "ratio", atLeast: 0.5 },
  },
  homeShared: {
    what: "home reads, one API process with Redis and PostgreSQL beside it",
    target: { of: "ratio", atLeast: 0.5 },
  },
  homeProcesses: {
    what: "home reads of all API processes, one for each core",
    target: { of: "ratio", atLeast: 1 },
  },
  homeProcessesCpu: {
    what: "home reads per CPU second of all API processes",
    target: { of: "ratio", atLeast: 0.9 },
  },
  apiMemory: {
    what: "API process under load, resident at most",
    target: { of: "measured", atMost: 150 },
  },
  posts: { what: "durable posts over HTTP", target: { of: "ratio", atLeast: 0.5 } },
  deliveries: {
    what: "deliveries, event log to Redis, Kafka",
    target: { of: "ratio", atLeast: 0.5 },
  },
  deliveriesFromOutbox: {
    what: "deliveries, event log to Redis, events in PostgreSQL",
    target: { of: "ratio", atLeast: 0.5 },
  },
  timelineMemory: { what: "Redis memory for an entry, at 800", target: { of: "measured", atMost: 12 } },
  visibleSmall: {
    what: "post → visible p99, 50 followers, while 1,000,000 are served",
    target: { of: "measured", atMost: 5_000 },
  },
  visibleLarge: {
    what: "post → visible p99, 10,000 followers, while 1,000,000 are served",
    target: { of: "measured", atMost: 5_000 },
  },
  rebuild: {
    what: "cold timeline rebuild p99, 200 followees",
    target: { of: "measured", atMost: 50 },
  },
  mentionCompletion: {
    what: "completing a mention p99, 100,000 accounts",
    target: { of: "measured", atMost: 30 },
  },
  tagCompletion: {
    what: "completing a hashtag p99, 1,000,000 posts",
    target: { of: "measured", atMost: 30 },
  },
  searchPosts: {
    what: "searching posts p99, 1,000,000 posts",
    target: { of: "measured", atMost: 150 },
  },
} as const satisfies Record<string, { what: string; target: Target }>;

export type RowName = keyof typeof ROWS;

interface Target {
  readonly of: "ratio" | "measured";
  readonly atLeast?: number;
  readonly atMost?: number;
}

export type Unit = "/s" | "ms" | "µs" | "MB" | "bytes" | "cores";

export interface Figure {
  /** Absent: the row says it. */
  readonly what?: string;
  /** Where it stands in the table. */
  readonly row?: RowName;
  readonly measured: number;
  readonly unit: Unit;
  /** Of the same run, in the same unit. */
  readonly heldAgainst?: { readonly what: string; readonly value: number };
  /** The median of several rounds; absent: that of the two numbers. */
  readonly ratio?: number;
}

export interface Measured {
  /** What was measured with, in words. */
  readonly conditions: string;
  readonly figures: readonly Figure[];
}

/** What is measured together, and fails together. */
export interface Part {
  readonly rows: readonly RowName[];
  readonly measure: (seconds: number) => Promise<Measured>;
}

export type Outcome = { readonly rows: readonly RowName[] } & (
  | { readonly measured: Measured }
  | { readonly notMeasured: string }
);

export interface TableRow {
  readonly row: RowName;
  readonly what: string;
  readonly measured: string;
  readonly heldAgainst: string;
  readonly ratio: string;
  readonly target: string;
  readonly reached: "yes" | "no" | "–";
}

/** The rows of what was asked for, in the table's order. */
export function tableOf(outcomes: readonly Outcome[]): TableRow[] {
  return (Object.keys(ROWS) as RowName[]).flatMap((row) => {
    const outcome = outcomes.find(({ rows }) => rows.includes(row));
    return outcome ? [tableRow(row, outcome)] : [];
  });
}

function tableRow(row: RowName, outcome: Outcome): TableRow {
  const { what, target } = ROWS[row];
  const shown = { row, what, target: targetText(target, "") };
  const figure =
    "measured" in outcome ? outcome.measured.figures.find((figure) => figure.row === row) : undefined;
  if (!figure) {
    const why = "notMeasured" in outcome ? outcome.notMeasured : "this machine doesn't tell";
    return { ...shown, measured: `not measured: ${why}`, heldAgainst: "–", ratio: "–", reached: "–" };
  }
  return {
    ...shown,
    target: targetText(target, figure.unit),
    measured: quantity(figure.measured, figure.unit),
    heldAgainst: heldAgainstText(figure),
    ratio: ratioOf(figure)?.toFixed(2) ?? "–",
    reached: isReached(target, figure) ? "yes" : "no",
  };
}

function isReached({ of, atLeast, atMost }: Target, figure: Figure): boolean {
  const value = of === "ratio" ? (ratioOf(figure) ?? Number.NaN) : figure.measured;
  return value >= (atLeast ?? Number.NEGATIVE_INFINITY) && value <= (atMost ?? Number.POSITIVE_INFINITY);
}

function targetText({ of, atLeast, atMost }: Target, unit: Unit | ""): string {
  const shown = (value: number) => (of === "ratio" || unit === "" ? `${value}` : quantity(value, unit));
  return atLeast === undefined ? `≤ ${shown(atMost ?? 0)}` : `≥ ${shown(atLeast)}`;
}

export function ratioOf({ measured, heldAgainst, ratio }: Figure): number | null {
  return ratio ?? (heldAgainst ? measured / heldAgainst.value : null);
}

function heldAgainstText({ heldAgainst, unit }: Figure): string {
  return heldAgainst ? `${quantity(heldAgainst.value, unit)}: ${heldAgainst.what}` : "–";
}

/** A line for each figure of a part, those of the table included. */
export function linesOf({ conditions, figures }: Measured): string[] {
  const lines = figures.map((figure) => {
    const ratio = ratioOf(figure);
    return [
      (figure.what ?? (figure.row ? ROWS[figure.row].what : "")).padEnd(66),
      quantity(figure.measured, figure.unit),
      ...(figure.heldAgainst ? [`of ${heldAgainstText(figure)}`] : []),
      ...(ratio === null ? [] : [`ratio ${ratio.toFixed(2)}`]),
    ].join("  ");
  });
  return [conditions, ...lines.map((line) => `  ${line}`)];
}

const HEADINGS = {
  what: "what",
  measured: "measured",
  heldAgainst: "held against, in the same run",
  ratio: "ratio",
  target: "target",
  reached: "reached",
};

/** In Markdown, so that it can be pasted into docs/benchmarks.md as it is. */
export function tableLines(rows: readonly TableRow[]): string[] {
  const columns = Object.keys(HEADINGS) as (keyof typeof HEADINGS)[];
  const widths = columns.map((column) => Math.max(...[HEADINGS, ...rows].map((row) => row[column].length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  return [
    line(columns.map((column) => HEADINGS[column])),
    `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`,
    ...rows.map((row) => line(columns.map((column) => row[column]))),
  ];
}

function quantity(value: number, unit: Unit): string {
  const digits = value >= 100 || Number.isInteger(value) ? 0 : value >= 10 ? 1 : 2;
  const shown = Number(value.toFixed(digits)).toLocaleString("en", { maximumFractionDigits: digits });
  return unit === "/s" ? `${shown}/s` : `${shown} ${unit}`;
}
