/** The lists this app shows, by name. One list is one object however many places show it. */
import { useEffect, useSyncExternalStore } from "react";
import { foldLatin } from "../../../src/core/fold.ts";
import { queryClient } from "../api/queries.ts";
import { accounts, notifications, statuses, statusesIn } from "./entities.ts";
import { Feed, type FeedSource, type FeedView } from "./feed.ts";

const MAX_FEEDS = 24;
const MAX_ENTITIES = 4_000;
const feeds = new Map<string, Feed>();

export function feedOf(source: FeedSource): Feed {
  const known = feeds.get(source.key);
  if (known) return known;
  const feed = new Feed(source);
  feeds.set(source.key, feed);
  forgetUnseen();
  return feed;
}

export const HOME: FeedSource = {
  key: "home",
  path: "/api/v1/timelines/home",
  holds: "status",
  isOrderedById: true,
  keepsPlace: true,
};

export const PUBLIC: FeedSource = {
  key: "public",
  path: "/api/v1/timelines/public",
  query: { local: true },
  holds: "status",
  isOrderedById: true,
};

export const NOTIFICATIONS: FeedSource = {
  key: "notifications",
  path: "/api/v1/notifications",
  holds: "notification",
  isOrderedById: true,
};

export const MENTIONS: FeedSource = { ...NOTIFICATIONS, key: "mentions", query: { "types[]": "mention" } };

export function tagFeed(tag: string): FeedSource {
  return {
    key: `tag:${foldLatin(tag)}`,
    path: `/api/v1/timelines/tag/${encodeURIComponent(tag)}`,
    holds: "status",
    isOrderedById: true,
  };
}

export function listFeed(id: string): FeedSource {
  return { key: `list:${id}`, path: `/api/v1/timelines/list/${id}`, holds: "status", isOrderedById: true };
}

export function markedFeed(kind: "bookmarks" | "favourites"): FeedSource {
  return { key: kind, path: `/api/v1/${kind}`, holds: "status", isOrderedById: false };
}

export function profileFeed(accountId: string, tab: "posts" | "with_replies" | "media"): FeedSource {
  const query = { posts: { exclude_replies: true }, with_replies: {}, media: { only_media: true } }[tab];
  return {
    key: `account:${accountId}:${tab}`,
    path: `/api/v1/accounts/${accountId}/statuses`,
    query,
    holds: "status",
    isOrderedById: true,
  };
}

export function accountsFeed(key: string, path: string): FeedSource {
  return { key, path, holds: "account", isOrderedById: false };
}

export function useFeedView(feed: Feed): FeedView {
  return useSyncExternalStore(feed.subscribe, feed.getView);
}

/** Asks for what is new every so often while the list is being looked at. */
export function usePolling(feed: Feed, everyMs: number | null): void {
  useEffect(() => {
    if (everyMs === null) return;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") void feed.catchUp();
    }, everyMs);
    return () => clearInterval(timer);
  }, [feed, everyMs]);
}

/** A status that is gone is gone from every list, and so is every boost of it. */
export function forgetStatus(id: string): void {
  const isGone = (row: string) => row === id || statuses.get(row)?.reblog?.id === id;
  for (const feed of feeds.values()) {
    if (feed.source.holds === "status") feed.remove(isGone);
    if (feed.source.holds === "notification") feed.remove((row) => notifications.get(row)?.status?.id === id);
  }
  statuses.remove(id);
  void queryClient.invalidateQueries({ queryKey: ["search"] });
}

/** After a block or a mute, nothing of the account stays on screen but its own profile. */
export function forgetAuthor(accountId: string): void {
  for (const feed of feeds.values()) {
    if (feed.source.holds !== "status" || feed.source.key.startsWith(`account:${accountId}`)) continue;
    feed.remove((id) => {
      const status = statuses.get(id);
      return status?.account.id === accountId || status?.reblog?.account.id === accountId;
    });
  }
}

function forgetUnseen(): void {
  const unseen = [...feeds.values()].filter((feed) => !feed.isOnScreen && feed.source.key !== HOME.key);
  unseen.sort((a, b) => a.usedAt - b.usedAt);
  for (const feed of unseen.slice(0, Math.max(0, feeds.size - MAX_FEEDS))) feeds.delete(feed.source.key);
  if (statuses.size + accounts.size < MAX_ENTITIES) return;
  const used = new Set<string>();
  for (const { view } of feeds.values()) {
    for (const row of [...view.state.rows, ...view.state.waiting]) {
      if (row.kind === "entry") used.add(row.id);
      const original = row.kind === "entry" ? statuses.get(row.id)?.reblog : null;
      if (original) used.add(original.id);
    }
  }
  // Answers name statuses by id, as lists do.
  for (const { state } of queryClient.getQueryCache().getAll()) {
    for (const { id, reblog } of statusesIn(state.data)) used.add(id).add(reblog?.id ?? id);
  }
  for (const store of [statuses, accounts, notifications]) store.prune((id) => used.has(id));
}
