/** Lists as they were, kept in this browser: a reload comes back to the same rows, and offline there is something. */
import { get, set } from "idb-keyval";
import { currentSession } from "../session/session.ts";
import type { Entity } from "./feed.ts";
import type { FeedState } from "./feed-state.ts";

const WRITE_DELAY_MS = 400;
const MAX_AGE_MS = 7 * 24 * 3600 * 1000;

interface KeptFeed {
  readonly state: FeedState;
  readonly loadedAt: number;
  readonly entities: readonly Entity[];
}

const due = new Map<string, () => KeptFeed>();
let timer: ReturnType<typeof setTimeout> | undefined;

export function rememberFeed(key: string, content: () => KeptFeed): void {
  due.set(storageKey(key), content);
  timer ??= setTimeout(writeDue, WRITE_DELAY_MS);
}

export async function recallFeed(key: string): Promise<KeptFeed | null> {
  const kept = await get<KeptFeed>(storageKey(key)).catch(() => undefined);
  return kept && Date.now() - kept.loadedAt < MAX_AGE_MS ? kept : null;
}

/** The page may be about to go. */
addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") writeDue();
});
addEventListener("pagehide", writeDue);

function writeDue(): void {
  clearTimeout(timer);
  timer = undefined;
  for (const [key, content] of due) void set(key, content()).catch(() => undefined);
  due.clear();
}

function storageKey(key: string): string {
  return `feed:${currentSession().accountId ?? "anyone"}:${key}`;
}
