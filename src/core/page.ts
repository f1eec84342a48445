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
