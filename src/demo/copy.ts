/** Rows by COPY, in pieces short enough for progress and for the statement timeout. */
import { once } from "node:events";
import type pg from "pg";
import { from as copyFrom } from "pg-copy-streams";

export type Cell = string | number | bigint | boolean | Date | null;

export interface TableRows {
  readonly table: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

const ROWS_PER_COPY = 2_500;

/** `onRows` hears of every piece that has been written. */
export async function copyRows(
  client: pg.ClientBase,
  { table, columns, rows }: TableRows,
  onRows: (count: number) => void,
): Promise<void> {
  for (let start = 0; start < rows.length; start += ROWS_PER_COPY) {
    const piece = rows.slice(start, start + ROWS_PER_COPY);
    const stream = client.query(copyFrom(`copy ${table} (${columns.join(", ")}) from stdin`));
    const finished = once(stream, "finish");
    stream.end(piece.map((row) => `${row.map(cellText).join("\t")}\n`).join(""));
    await finished;
    onRows(piece.length);
  }
}

const ESCAPED: Record<string, string> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function cellText(cell: Cell): string {
  if (cell === null) return "\\N";
  if (cell instanceof Date) return cell.toISOString();
  return typeof cell === "string" ? cell.replace(/[\\\n\r\t]/g, (mark) => ESCAPED[mark] ?? mark) : `${cell}`;
}
