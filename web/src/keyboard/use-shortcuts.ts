import { useEffect } from "react";
import { useIsSignedIn } from "../session/session.ts";
import { useViewer } from "../session/viewer.ts";
import { usePreferences } from "../settings/preferences.ts";
import { isSheetOpen } from "../ui/sheets.ts";

export function useShortcuts(): void {
  const { hasShortcuts } = usePreferences();
  const isSignedIn = useIsSignedIn();
  const acct = useViewer()?.acct ?? null;
  useEffect(() => {
    if (!hasShortcuts) return;
    const stopping = new AbortController();
    // What the keys do is not needed for the first paint.
    void Promise.all([import("./key-sequences.ts"), import("./shortcuts.ts")]).then(
      ([{ KeySequences }, { SHORTCUTS }]) => {
        const offered = SHORTCUTS.filter((shortcut) => isSignedIn || !shortcut.needsSignIn);
        const sequences = new KeySequences(
          offered.flatMap(({ keys, run }) => keys.map((sequence) => [sequence, () => run(acct)] as const)),
        );
        const listen = (event: KeyboardEvent) => {
          if (!isNotForUs(event) && sequences.press(event)) event.preventDefault();
        };
        addEventListener("keydown", listen, { signal: stopping.signal });
      },
    );
    return () => stopping.abort();
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
