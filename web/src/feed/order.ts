/** Ids are decimal text that outgrows a double: longer is newer, and of equal length the greater text. */
export function isNewer(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length;
}

/** For sorting, newest first. */
export function byNewest(a: string, b: string): number {
  if (a === b) return 0;
  return isNewer(a, b) ? -1 : 1;
}
