/**
 * Keyset pagination, as every list of ours pages. `before` and `after` are exclusive; `edge` says to which end the
 * page sticks when more fits between the two than `limit`: "newest" (max_id, since_id) or "oldest" (min_id: the page
 * adjacent to the cursor). Pages are always answered newest first.
 */
export interface Page {
  readonly before: bigint | null;
  readonly after: bigint | null;
  readonly edge: "newest" | "oldest";
  readonly limit: number;
}

export interface PageSource<Row, Kept> {
  /** A page of rows, newest first; fewer than its limit say that there are no more. */
  readonly read: (page: Page) => Promise<readonly Row[]>;
  /** What the list pages by. */
  readonly idOf: (row: Row) => bigint;
  /** What is shown of the rows, in their order. */
  readonly keep: (rows: readonly Row[]) => Promise<readonly Kept[]>;
}

/** Read above the page's size, for what isn't kept. */
const EXTRA = 10;
const MAX_BATCH = 1_000;

/** A page of what is kept, newest first: full, unless the list ends. A client takes a short page for the last one. */
export async function fullPage<Row, Kept>(page: Page, source: PageSource<Row, Kept>): Promise<Kept[]> {
  const upwards = page.edge === "oldest";
  const found: Kept[] = [];
  let part: Page = { ...page, limit: page.limit + EXTRA };
  for (;;) {
    const rows = await source.read(part);
    const kept = await source.keep(rows);
    if (upwards) found.unshift(...kept);
    else found.push(...kept);
    const last = upwards ? rows[0] : rows.at(-1);
    if (last === undefined || rows.length < part.limit || found.length >= page.limit) break;
    const end = source.idOf(last);
    const limit = Math.min(MAX_BATCH, 2 * part.limit);
    part = upwards ? { ...part, after: end, limit } : { ...part, before: end, limit };
  }
  return upwards ? found.slice(-page.limit) : found.slice(0, page.limit);
}
