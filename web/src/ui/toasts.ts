/** Short messages about what has just happened. */
import { useSyncExternalStore } from "react";

export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly tone: "plain" | "problem";
  readonly madeAt: number;
  readonly action?: { readonly label: string; readonly run: () => void };
}

const SHOWN_MS = 5_000;
const FRESH_MS = 1_000;
const MAX_TOASTS = 2;
let toasts: readonly Toast[] = [];
let nextId = 1;
const listeners = new Set<() => void>();

/**
 * Goes by itself, but not when there is something to press: that goes with the next such offer, or with the page it was
 * made on.
 */
export function toast(text: string, options: Partial<Pick<Toast, "tone" | "action">> = {}): void {
  const id = nextId++;
  const others = toasts.filter((other) => other.text !== text && !(options.action && other.action));
  const shown: Toast = { id, text, tone: "plain", madeAt: Date.now(), ...options };
  change([...others, shown].slice(-MAX_TOASTS));
  if (!options.action) setTimeout(() => dismissToast(id), SHOWN_MS);
}

export function toastProblem(error: unknown): void {
  toast(error instanceof Error ? error.message : "That didn't work.", { tone: "problem" });
}

/** The reader has gone to another page. What was told on the way there is news still. */
export function dismissOffers(): void {
  change(toasts.filter((shown) => !shown.action || Date.now() - shown.madeAt < FRESH_MS));
}

export function dismissToast(id: number): void {
  change(toasts.filter((shown) => shown.id !== id));
}

export function useToasts(): readonly Toast[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
}

function change(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}
