/** What lies over the page: one thing at a time, each loaded when first needed. */
import { useSyncExternalStore } from "react";
import type { Account, MediaAttachment, Status } from "../api/types.ts";

export type Sheet =
  | { readonly kind: "compose"; readonly replyTo?: Status; readonly editing?: Status; readonly text?: string }
  | { readonly kind: "lightbox"; readonly media: readonly MediaAttachment[]; readonly index: number }
  | { readonly kind: "confirm"; readonly question: Question }
  | { readonly kind: "shortcuts" }
  | { readonly kind: "history"; readonly status: Status }
  | { readonly kind: "lists"; readonly account: Account };

export interface Question {
  readonly title: string;
  readonly text: string;
  readonly yes: string;
  readonly isDangerous?: boolean;
  readonly onYes: () => void | Promise<void>;
}

let sheet: Sheet | null = null;
const listeners = new Set<() => void>();

export function openSheet(next: Sheet): void {
  change(next);
}

export function closeSheet(): void {
  change(null);
}

export function ask(question: Question): void {
  change({ kind: "confirm", question });
}

export function isSheetOpen(): boolean {
  return sheet !== null;
}

export function useSheet(): Sheet | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => sheet,
  );
}

function change(next: Sheet | null): void {
  sheet = next;
  for (const listener of listeners) listener();
}
