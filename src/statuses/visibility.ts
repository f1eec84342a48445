/** Who may see a post, as the API names it and as the database keeps it. */
export const VISIBILITIES = ["public", "unlisted", "private", "direct"] as const;
export type Visibility = (typeof VISIBILITIES)[number];

export function visibilityCode(visibility: Visibility): number {
  return VISIBILITIES.indexOf(visibility);
}

export function visibilityOf(code: number): Visibility {
  return VISIBILITIES[code] ?? "direct";
}
