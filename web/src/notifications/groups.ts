/**
 * What many did to one post on one day is one row, and so are a day's new followers: at the place of the newest. Days and
 * not spans of time, so that a row stays the same row whatever is loaded above or below it.
 */
import type { Notification } from "../api/types.ts";
import { type FeedRow, type ListRow, rowKey } from "../feed/feed-state.ts";

type Find = (id: string) => Pick<Notification, "type" | "created_at" | "status"> | undefined;

export function grouped(rows: readonly FeedRow[], find: Find): ListRow[] {
  const groups = new Map<string, { kind: "group"; key: string; ids: string[] }>();
  const shown: ListRow[] = [];
  for (const row of rows) {
    const notification = row.kind === "entry" ? find(row.id) : undefined;
    const key = notification ? groupKey(notification) : null;
    if (key === null) {
      shown.push(row);
      continue;
    }
    const known = groups.get(key);
    if (known) {
      known.ids.push(rowKey(row));
      continue;
    }
    const group = { kind: "group" as const, key, ids: [rowKey(row)] };
    groups.set(key, group);
    shown.push(group);
  }
  return shown;
}

/** Null for what stands alone. */
function groupKey({ type, created_at, status }: NonNullable<ReturnType<Find>>): string | null {
  const day = new Date(created_at).toDateString();
  if (type === "follow") return `follow ${day}`;
  if ((type === "favourite" || type === "reblog") && status) return `${type} ${status.id} ${day}`;
  return null;
}
