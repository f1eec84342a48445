import { useEffect } from "react";
import { createKeybindingsHandler, type KeybindingsMap } from "tinykeys";
import { useIsSignedIn } from "../session/session.ts";
import { useViewer } from "../session/viewer.ts";
import { usePreferences } from "../settings/preferences.ts";
import { isSheetOpen } from "../ui/sheets.ts";
import { SHORTCUTS } from "./shortcuts.ts";

/** What a Latin keyboard types with one key. */
const LATIN = /^[\x20-\x7e]$/;

export function useShortcuts(): void {
  const { hasShortcuts } = usePreferences();
  const isSignedIn = useIsSignedIn();
  const acct = useViewer()?.acct ?? null;
  useEffect(() => {
    if (!hasShortcuts) return;
    const handler = createKeybindingsHandler(bindings(isSignedIn, acct), { ignore: isNotForUs });
    const listen = (event: KeyboardEvent) => handler(event);
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, [hasShortcuts, isSignedIn, acct]);
}

function bindings(isSignedIn: boolean, acct: string | null): KeybindingsMap {
  const map: KeybindingsMap = {};
  for (const shortcut of SHORTCUTS) {
    if (shortcut.needsSignIn && !isSignedIn) continue;
    const run = (event: KeyboardEvent) => {
      if (shortcut.run(acct)) event.preventDefault();
    };
    for (const keys of shortcut.keys) {
      map[pattern(keys)] = run;
      const byPlace = placePattern(keys);
      if (byPlace) {
        // On a layout without Latin letters, the key that stands where the letter would be.
        map[byPlace] = (event) => {
          if (!LATIN.test(event.key)) run(event);
        };
      }
    }
  }
  return map;
}

/** "?" and the like are typed with Shift on most layouts; what counts is what was typed. */
function pattern(keys: string): string {
  return keys
    .split(" ")
    .map((key) => (/^[a-zA-Z0-9]+$/.test(key) ? key : `[Shift]+(${key.replace(/[.?/]/, "\\$&")})`))
    .join(" ");
}

function placePattern(keys: string): string | null {
  const presses = keys.split(" ");
  if (!presses.every((key) => /^[a-z]$/.test(key))) return null;
  return presses.map((key) => `Key${key.toUpperCase()}`).join(" ");
}

function isNotForUs(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement;
  const isTyping =
    target.isContentEditable ||
    target.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=button])");
  return event.defaultPrevented || event.isComposing || isTyping || isSheetOpen() || hasMenuOpen();
}

function hasMenuOpen(): boolean {
  return document.querySelector(".menu") !== null;
}
