/** Pages of what is found, when not everything that is found may be shown. */

export interface ResultPage {
  readonly offset: number;
  readonly limit: number;
}

/** Further on than this there are no pages by offset; those by ids go on. */
export const RESULTS_MOST = 1_000;
/** Asked for beyond the page, so that a few hidden ones cost no second question. */
const SPARE = 5;
const QUESTIONS_MOST = 10;

/**
 * The page of what `show` leaves of the results, in their order. `find` gives so many that come after those found
 * already, and fewer when there are no more.
 */
export async function shownPage<Id, Shown>(
  find: (found: readonly Id[], limit: number) => Promise<Id[]>,
  show: (ids: readonly Id[]) => Promise<Shown[]>,
  { offset, limit }: ResultPage,
): Promise<Shown[]> {
  if (offset >= RESULTS_MOST) return [];
  const end = offset + limit;
  const found: Id[] = [];
  const shown: Shown[] = [];
  for (let asked = 0; shown.length < end && asked < QUESTIONS_MOST; asked++) {
    const wanted = end - shown.length + SPARE;
    const more = await find(found, wanted);
    found.push(...more);
    shown.push(...(await show(more)));
    if (more.length < wanted) break;
  }
  return shown.slice(offset, end);
}
