/** Short messages about what has just happened. */
import { useSyncExternalStore } from "react";

export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly tone: "plain" | "problem";
  readonly action?: { readonly label: string; readonly run: () => void };
}

const SHOWN_MS = 5_000;
const MAX_TOASTS = 3;
let toasts: readonly Toast[] = [];
let nextId = 1;
const listeners = new Set<() => void>();

/** Goes by itself, but not when there is something to press. */
export function toast(text: string, options: Partial<Pick<Toast, "tone" | "action">> = {}): void {
  const id = nextId++;
  const known = toasts.find((other) => other.text === text);
  if (known) dismissToast(known.id);
  const shown: Toast = { id, text, tone: "plain", ...options };
  change([...toasts, shown].slice(-MAX_TOASTS));
  if (!options.action) setTimeout(() => dismissToast(id), SHOWN_MS);
}

export function toastProblem(error: unknown): void {
  toast(error instanceof Error ? error.message : "That didn't work.", { tone: "problem" });
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
