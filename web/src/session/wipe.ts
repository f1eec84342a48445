/** Signing out leaves nothing of the account in this browser. */
import { clear } from "idb-keyval";

/** How the app looks belongs to the device, not to the account. */
const PREFERENCES_KEY = "roost.preferences";

export async function wipeStorage(): Promise<void> {
  const preferences = localStorage.getItem(PREFERENCES_KEY);
  localStorage.clear();
  sessionStorage.clear();
  if (preferences !== null) localStorage.setItem(PREFERENCES_KEY, preferences);
  await clear().catch(() => undefined);
}
