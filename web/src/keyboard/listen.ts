/** Hears the keys. Fetched after the first paint, which doesn't need it. */
import { isSheetOpen } from "../ui/sheets.ts";
import { KeySequences } from "./key-sequences.ts";
import { SHORTCUTS } from "./shortcuts.ts";

export function listenToKeys(acct: string | null, isSignedIn: boolean, signal: AbortSignal): void {
  const offered = SHORTCUTS.filter((shortcut) => isSignedIn || !shortcut.needsSignIn);
  const sequences = new KeySequences(
    offered.flatMap(({ keys, run }) => keys.map((sequence) => [sequence, () => run(acct)] as const)),
  );
  const listen = (event: KeyboardEvent) => {
    if (!isNotForUs(event) && sequences.press(event)) event.preventDefault();
  };
  addEventListener("keydown", listen, { signal });
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
