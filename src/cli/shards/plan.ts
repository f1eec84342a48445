/** Logical shards as people write them, and how they would be spread evenly. */

/** "0-3,7" → 0, 1, 2, 3, 7; null for what is no such list of numbers below `most`. */
export function parseShards(text: string, most: number): number[] | null {
  const shards = new Set<number>();
  for (const part of text.split(",")) {
    const [, first = "", last = first] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part.trim()) ?? [];
    if (first === "" || Number(last) >= most || Number(first) > Number(last)) return null;
    for (let shard = Number(first); shard <= Number(last); shard++) shards.add(shard);
  }
  return [...shards].sort((a, b) => a - b);
}

/** The inverse: neighbours become a range. */
export function writeShards(shards: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const shard of shards) {
    const open = ranges.at(-1);
    if (open && open[1] === shard - 1) open[1] = shard;
    else ranges.push([shard, shard]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(",");
}

const RANGES_SHOWN = 6;

/** What `writeShards` wrote, as it begins: every other shard of all is a line of two thousand characters. */
export function shortened(written: string): string {
  const ranges = written.split(",");
  return ranges.length <= RANGES_SHOWN
    ? written
    : `${ranges.slice(0, RANGES_SHOWN).join(",")},… (all: --json)`;
}

export interface PlannedMove {
  readonly from: string;
  readonly to: string;
  readonly shards: readonly number[];
}

/** The fewest shards that must move so that each of `over` holds the same number, give or take one, and others none. */
export function planMoves(
  held: ReadonlyMap<string, readonly number[]>,
  over: readonly string[],
): PlannedMove[] {
  const total = [...held.values()].reduce((sum, shards) => sum + shards.length, 0);
  // Who has most keeps the odd ones: that moves least.
  const byHeld = over.toSorted((a, b) => (held.get(b)?.length ?? 0) - (held.get(a)?.length ?? 0));
  const share = new Map(
    byHeld.map((id, place) => [id, Math.floor(total / over.length) + (place < total % over.length ? 1 : 0)]),
  );
  const spare = [...held].flatMap(([from, shards]) =>
    shards.slice(share.get(from) ?? 0).map((shard) => ({ from, shard })),
  );
  return byHeld.flatMap((to) => {
    const lacks = (share.get(to) ?? 0) - (held.get(to)?.length ?? 0);
    const taken = spare.splice(0, Math.max(0, lacks));
    return [...Map.groupBy(taken, ({ from }) => from)].map(([from, some]) => ({
      from,
      to,
      shards: some.map(({ shard }) => shard).sort((a, b) => a - b),
    }));
  });
}
