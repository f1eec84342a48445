/** Signing out leaves nothing of the account in this browser. */
import { clear } from "idb-keyval";

const APP_KEY = "roost.app";
/** How the app looks belongs to the device, not to the account. */
const PREFERENCES_KEY = "roost.preferences";

export async function wipeStorage({ keepApp }: { keepApp: boolean }): Promise<void> {
  const kept = [PREFERENCES_KEY, ...(keepApp ? [APP_KEY] : [])].map(
    (key) => [key, localStorage.getItem(key)] as const,
  );
  localStorage.clear();
  sessionStorage.clear();
  for (const [key, value] of kept) if (value !== null) localStorage.setItem(key, value);
  await clear().catch(() => undefined);
}
