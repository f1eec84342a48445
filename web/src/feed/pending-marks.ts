/** Favourites, boosts and bookmarks that wait for a connection, kept in this browser: what is meant outlives a reload. */
import { useSyncExternalStore } from "react";
import type { Status } from "../api/types.ts";
import { currentSession } from "../session/session.ts";

export type Mark = "favourite" | "reblog" | "bookmark";

export const FLAG = { favourite: "favourited", reblog: "reblogged", bookmark: "bookmarked" } as const;
const COUNT = { favourite: "favourites_count", reblog: "reblogs_count", bookmark: null } as const;

export interface PendingMark {
  readonly id: string;
  readonly mark: Mark;
  readonly goal: boolean;
}

const storageKey = () => `roost.waiting-marks.${currentSession().accountId}`;
let pending: readonly PendingMark[] = read();
const listeners = new Set<() => void>();

export function pendingMarks(): readonly PendingMark[] {
  return pending;
}

export function usePendingMarks(): readonly PendingMark[] {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, pendingMarks);
}

export function isPending(id: string, mark: Mark): boolean {
  return pending.some((other) => other.id === id && other.mark === mark);
}

/** `goal` null: nothing of it waits any more. */
export function setPending(id: string, mark: Mark, goal: boolean | null): void {
  const others = pending.filter((other) => other.id !== id || other.mark !== mark);
  pending = goal === null ? others : [...others, { id, mark, goal }];
  try {
    if (pending.length === 0) localStorage.removeItem(storageKey());
    else localStorage.setItem(storageKey(), JSON.stringify(pending));
  } catch {
    // Without storage it waits for as long as the page lives.
  }
  for (const listener of listeners) listener();
}

/** What the server says of a status, with what waits to be sent. */
export function withPending(status: Status): Status {
  return pending.reduce(
    (seen, { id, mark, goal }) => (id === seen.id ? marked(seen, mark, goal) : seen),
    status,
  );
}

export function marked(status: Status, mark: Mark, isOn: boolean): Status {
  if ((status[FLAG[mark]] ?? false) === isOn) return status;
  const count = COUNT[mark];
  return {
    ...status,
    [FLAG[mark]]: isOn,
    ...(count ? { [count]: Math.max(0, status[count] + (isOn ? 1 : -1)) } : {}),
  };
}

function read(): readonly PendingMark[] {
  try {
    return JSON.parse(localStorage.getItem(storageKey()) ?? "[]") as PendingMark[];
  } catch {
    return [];
  }
}
