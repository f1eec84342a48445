/** Replies as a tree: each under what it answers, cut off where it would become too narrow to read. */
import type { Status } from "../api/types.ts";

export const MAX_LEVELS = 4;

export interface ThreadNode {
  readonly status: Status;
  readonly replies: readonly ThreadNode[];
  /** Replies deeper than is shown here. */
  readonly hiddenCount: number;
}

export function treeOf(rootId: string, descendants: readonly Status[]): ThreadNode[] {
  const byParent = new Map<string, Status[]>();
  const ids = new Set(descendants.map((status) => status.id));
  for (const status of descendants) {
    const parent = status.in_reply_to_id ?? "";
    // The parent was deleted or is hidden: the reply still belongs to the thread, at its root.
    const key = ids.has(parent) ? parent : rootId;
    byParent.set(key, [...(byParent.get(key) ?? []), status]);
  }
  return nodesUnder(rootId, byParent, 1);
}

function nodesUnder(id: string, byParent: ReadonlyMap<string, Status[]>, level: number): ThreadNode[] {
  return (byParent.get(id) ?? []).map((status) => {
    if (level < MAX_LEVELS) {
      return { status, replies: nodesUnder(status.id, byParent, level + 1), hiddenCount: 0 };
    }
    return { status, replies: [], hiddenCount: countUnder(status.id, byParent) };
  });
}

function countUnder(id: string, byParent: ReadonlyMap<string, Status[]>): number {
  const children = byParent.get(id) ?? [];
  return children.reduce((count, child) => count + 1 + countUnder(child.id, byParent), 0);
}
