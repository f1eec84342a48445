/** How this device shows things. Kept in this browser only; what belongs to the account is on the server. */
import { useSyncExternalStore } from "react";

export interface Preferences {
  readonly theme: "auto" | "light" | "dark";
  readonly hasShortcuts: boolean;
  /** Content warnings and sensitive media are shown opened. */
  readonly opensWarnings: boolean;
  readonly remindsOfAltText: boolean;
  readonly knowsBoosts: boolean;
}

const KEY = "roost.preferences";
const STANDARD: Preferences = {
  theme: "auto",
  hasShortcuts: true,
  opensWarnings: false,
  remindsOfAltText: true,
  knowsBoosts: false,
};

let current = read();
const listeners = new Set<() => void>();

export function preferences(): Preferences {
  return current;
}

export function usePreferences(): Preferences {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, preferences);
}

export function changePreferences(change: Partial<Preferences>): void {
  current = { ...current, ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(current));
  } catch {
    // Kept for as long as the page lives.
  }
  const { dataset } = document.documentElement;
  if (current.theme === "auto") delete dataset.theme;
  else dataset.theme = current.theme;
  for (const listener of listeners) listener();
}

function read(): Preferences {
  try {
    return { ...STANDARD, ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Preferences>) };
  } catch {
    return STANDARD;
  }
}
