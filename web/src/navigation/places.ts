/** Where each page was left: by the entry that was read, not by pixels, since what is above may have grown. */
import type { CacheSnapshot } from "virtua";

export interface Place {
  /** The first row in view and how far its top is below the top of the page. */
  readonly anchorKey?: string;
  readonly offsetPx?: number;
  readonly scrollTop: number;
  /** Heights of rows as they were measured, valid for exactly these rows. */
  readonly heights?: { readonly rows: string; readonly cache: CacheSnapshot };
}

const places = new Map<string, Place>();

export function rememberPlace(key: string, place: Place): void {
  places.set(key, place);
}

export function placeOf(key: string): Place | null {
  const known = places.get(key);
  if (known) return known;
  try {
    return JSON.parse(sessionStorage.getItem(`place:${key}`) ?? "null") as Place | null;
  } catch {
    return null;
  }
}

/** Memory is enough until the page goes: only then it is written. */
export function writePlaces(): void {
  for (const [key, place] of places) {
    try {
      sessionStorage.setItem(`place:${key}`, JSON.stringify(place));
    } catch {
      sessionStorage.removeItem(`place:${key}`);
    }
  }
}

addEventListener("pagehide", writePlaces);
addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") writePlaces();
});
