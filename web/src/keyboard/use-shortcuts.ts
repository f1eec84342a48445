import { useEffect } from "react";
import { useIsSignedIn } from "../session/session.ts";
import { useViewer } from "../session/viewer.ts";
import { usePreferences } from "../settings/preferences.ts";
import { isSheetOpen } from "../ui/sheets.ts";
import { KeySequences } from "./key-sequences.ts";
import { SHORTCUTS } from "./shortcuts.ts";

export function useShortcuts(): void {
  const { hasShortcuts } = usePreferences();
  const isSignedIn = useIsSignedIn();
  const acct = useViewer()?.acct ?? null;
  useEffect(() => {
    if (!hasShortcuts) return;
    const offered = SHORTCUTS.filter((shortcut) => isSignedIn || !shortcut.needsSignIn);
    const sequences = new KeySequences(
      offered.flatMap(({ keys, run }) => keys.map((sequence) => [sequence, () => run(acct)] as const)),
    );
    const listen = (event: KeyboardEvent) => {
      if (!isNotForUs(event) && sequences.press(event)) event.preventDefault();
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, [hasShortcuts, isSignedIn, acct]);
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
