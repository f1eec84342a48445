/** How many notifications are newer than the last one looked at. */
import { useSyncExternalStore } from "react";
import { get, post } from "../api/client.ts";
import { feedOf, NOTIFICATIONS, useFeedView } from "../feed/feeds.ts";
import { isNewer } from "../feed/order.ts";
import { currentSession } from "../session/session.ts";

const listeners = new Set<() => void>();
const key = () => `roost.seen-notifications.${currentSession().accountId}`;

export function useUnreadCount(): number {
  const { state } = useFeedView(feedOf(NOTIFICATIONS));
  const seen = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => localStorage.getItem(key()),
  );
  return [...state.waiting, ...state.rows].filter(
    (row) => row.kind === "entry" && (seen === null || isNewer(row.id, seen)),
  ).length;
}

/** What another device has seen counts here too. */
export async function recallSeen(): Promise<void> {
  interface Markers {
    notifications?: { last_read_id: string };
  }
  const markers = await get<Markers>("/api/v1/markers", { query: { timeline: ["notifications"] } }).catch(
    () => null,
  );
  if (markers?.notifications) keep(markers.notifications.last_read_id);
}

export function markSeen(id: string): void {
  if (!keep(id)) return;
  void post("/api/v1/markers", { notifications: { last_read_id: id } }).catch(() => undefined);
}

function keep(id: string): boolean {
  const seen = localStorage.getItem(key());
  if (seen !== null && !isNewer(id, seen)) return false;
  localStorage.setItem(key(), id);
  for (const listener of listeners) listener();
  return true;
}
