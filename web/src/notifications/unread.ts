/** How many notifications came since the last one looked at: the server counts once, the stream adds to it. */
import { useSyncExternalStore } from "react";
import { get, post } from "../api/client.ts";
import { isNewer } from "../feed/order.ts";
import { currentSession } from "../session/session.ts";

/** More are shown as 99+. */
const MOST = 100;

let count = 0;
const listeners = new Set<() => void>();
/** What another device has seen, asked for before this one says what it has seen. */
let recalled: Promise<void> | null = null;
/** A count asked for before what is seen was told is out of date when it comes. */
let telling: Promise<void> = Promise.resolve();
let toldTimes = 0;

export function useUnreadCount(): number {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => count,
  );
}

export async function askUnreadCount(): Promise<void> {
  await telling;
  const times = toldTimes;
  const query = { limit: MOST };
  const answer = await get<{ count: number }>("/api/v1/notifications/unread_count", { query }).catch(
    () => null,
  );
  if (answer && times === toldTimes) show(answer.count);
}

export function noteUnread(): void {
  show(count + 1);
}

/** Everything up to this one was looked at; so many newer ones wait to be shown. */
export function markSeen(id: string, waitingCount: number): void {
  show(waitingCount);
  toldTimes++;
  telling = tell(id);
}

async function tell(id: string): Promise<void> {
  recalled ??= recallSeen();
  await recalled;
  if (!keep(id)) return;
  await post("/api/v1/markers", { notifications: { last_read_id: id } }).catch(() => undefined);
}

async function recallSeen(): Promise<void> {
  interface Markers {
    notifications?: { last_read_id: string };
  }
  const query = { timeline: ["notifications"] };
  const markers = await get<Markers>("/api/v1/markers", { query }).catch(() => null);
  if (markers?.notifications) keep(markers.notifications.last_read_id);
}

/** False for what is no news: a marker never goes back. */
function keep(id: string): boolean {
  const key = `roost.seen-notifications.${currentSession().accountId}`;
  const seen = localStorage.getItem(key);
  if (seen !== null && !isNewer(id, seen)) return false;
  localStorage.setItem(key, id);
  return true;
}

function show(next: number): void {
  if (next === count) return;
  count = next;
  for (const listener of listeners) listener();
}
