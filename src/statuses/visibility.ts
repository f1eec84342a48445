import { sql } from "kysely";

/** Who may see a post, as the API names it and as the database keeps it. */
export const VISIBILITIES = ["public", "unlisted", "private", "direct"] as const;
export type Visibility = (typeof VISIBILITIES)[number];

export function visibilityCode(visibility: Visibility): number {
  return VISIBILITIES.indexOf(visibility);
}

export function visibilityOf(code: number): Visibility {
  return VISIBILITIES[code] ?? "direct";
}

/**
 * Counts are for everybody, so they must not tell of what isn't: replies and boosts count on their status when
 * everybody may see them, posts on their author's profile unless they are direct. In SQL, on the column `visibility`.
 */
export const COUNTS_FOR_ALL = sql.raw("(visibility <= 1)");
export const COUNTS_FOR_AUTHOR = sql.raw("(visibility <= 2)");

export function countsForAll(visibility: Visibility): boolean {
  return visibility === "public" || visibility === "unlisted";
}
