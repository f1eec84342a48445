/**
 * Where the app is, as a stack: the entries behind the current one stay mounted, so that Back shows them exactly as
 * they were left. Each entry has a key of its own in the browser's history, which also survives a reload.
 */
import { useSyncExternalStore } from "react";
import { routeOf } from "./routes.ts";

export interface HistoryEntry {
  readonly key: string;
  readonly index: number;
  readonly path: string;
  /** Came here by a link within the app: the page's heading takes the focus. */
  readonly isArrival: boolean;
}

/** How many pages behind the current one are kept mounted. */
const MAX_MOUNTED = 5;

interface Stack {
  readonly entries: readonly HistoryEntry[];
  readonly current: HistoryEntry;
}

interface StoredState {
  key?: string;
  index?: number;
}

let stack: Stack = startStack();
const listeners = new Set<() => void>();

export function useStack(): Stack {
  return useSyncExternalStore(subscribe, () => stack);
}

export function currentEntry(): HistoryEntry {
  return stack.current;
}

export function navigate(path: string, options: { replace?: boolean } = {}): void {
  const { entries, current } = stack;
  if (options.replace) {
    // Another page is an arrival; another tab or query of the same page isn't.
    const isArrival = routeOf(path).page !== routeOf(current.path).page || current.isArrival;
    const entry = { ...current, path, isArrival };
    history.replaceState({ key: entry.key, index: entry.index }, "", path);
    change(
      entries.map((other) => (other.key === entry.key ? entry : other)),
      entry,
    );
    return;
  }
  const entry = { key: newKey(), index: current.index + 1, path, isArrival: true };
  history.pushState({ key: entry.key, index: entry.index }, "", path);
  const behind = entries.filter((other) => other.index <= current.index);
  change([...behind, entry], entry);
}

/** Back within the app; where there is nothing behind, to the given page. */
export function goBack(fallback = "/"): void {
  if (stack.current.index > 0) history.back();
  else navigate(fallback, { replace: true });
}

addEventListener("popstate", (event) => {
  const stored = (event.state ?? {}) as StoredState;
  const key = stored.key ?? newKey();
  const index = stored.index ?? 0;
  if (stored.key === undefined) history.replaceState({ key, index }, "");
  const known = stack.entries.find((entry) => entry.key === key);
  const entry = known ?? { key, index, path: currentPath(), isArrival: false };
  const behind = stack.entries.filter((other) => other.index < index);
  change([...behind, entry], entry);
});

function startStack(): Stack {
  history.scrollRestoration = "manual";
  const stored = (history.state ?? {}) as StoredState;
  const entry = {
    key: stored.key ?? newKey(),
    index: stored.index ?? 0,
    path: currentPath(),
    isArrival: false,
  };
  history.replaceState({ key: entry.key, index: entry.index }, "");
  return { entries: [entry], current: entry };
}

function change(entries: readonly HistoryEntry[], current: HistoryEntry): void {
  stack = { entries: entries.slice(-MAX_MOUNTED), current };
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function currentPath(): string {
  return location.pathname + location.search;
}

function newKey(): string {
  return Math.random().toString(36).slice(2, 12);
}
