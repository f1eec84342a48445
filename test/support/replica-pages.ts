/** Pages that a replica may answer, each with a write of the reader's own that changes it. They go in this order. */
import type { SignedUp, Status } from "./client.ts";

/** What everybody reads in these tests. */
export interface World {
  /** The one who writes. */
  readonly wren: SignedUp;
  readonly robin: SignedUp;
  /** Reads, and has written nothing lately. */
  readonly lark: SignedUp;
  readonly sparrow: SignedUp;
  readonly finch: SignedUp;
  readonly thread: Status;
  readonly own: Status;
  readonly list: { id: string };
  readonly notifications: { id: string }[];
}

interface Page {
  /** As it is documented. */
  readonly name: string;
  readonly path: (world: World) => string;
  /** Whether everybody may read it, or the writer alone. */
  readonly isPublic: boolean;
  readonly write: (world: World) => Promise<unknown>;
  /** Whether the answer, as text, has the write. */
  readonly shows: (text: string, world: World) => boolean;
  /** Statements that go to the primary even when everything is cached. */
  readonly primaryStatements?: number;
}

const byId = (which: (world: World) => { id: string }) => (text: string, world: World) =>
  text.includes(`"${which(world).id}"`);
const word = (text: string) => (answer: string) => answer.includes(text);
const not =
  (shows: Page["shows"]): Page["shows"] =>
  (text, world) =>
    !shows(text, world);

export const PAGES: readonly Page[] = [
  {
    name: "accounts/:id/statuses",
    path: ({ wren }) => `/api/v1/accounts/${wren.id}/statuses`,
    isPublic: true,
    write: ({ wren }) => wren.client.publish("one of the account's"),
    shows: word("one of the account"),
  },
  {
    name: "timelines/public",
    path: () => "/api/v1/timelines/public",
    isPublic: true,
    write: ({ wren }) => wren.client.publish("one for all"),
    shows: word("one for all"),
  },
  {
    name: "timelines/tag/:tag, an edit",
    path: () => "/api/v1/timelines/tag/edited",
    isPublic: true,
    write: ({ wren, own }) => wren.client.put(`/api/v1/statuses/${own.id}`, { status: "now with #edited" }),
    shows: byId(({ own }) => own),
  },
  {
    name: "statuses/:id/history",
    path: ({ own }) => `/api/v1/statuses/${own.id}/history`,
    isPublic: true,
    write: ({ wren, own }) => wren.client.put(`/api/v1/statuses/${own.id}`, { status: "history" }),
    shows: (text) => (JSON.parse(text) as unknown[]).length === 3,
  },
  {
    name: "statuses/:id/context",
    path: ({ thread }) => `/api/v1/statuses/${thread.id}/context`,
    isPublic: true,
    write: ({ wren, thread }) => wren.client.publish("an answer", { in_reply_to_id: thread.id }),
    shows: word("an answer"),
  },
  {
    name: "statuses/:id/favourited_by",
    path: ({ thread }) => `/api/v1/statuses/${thread.id}/favourited_by`,
    isPublic: true,
    write: ({ wren, thread }) => wren.client.post(`/api/v1/statuses/${thread.id}/favourite`),
    shows: byId(({ wren }) => wren),
  },
  {
    name: "favourites",
    path: () => "/api/v1/favourites",
    isPublic: false,
    write: ({ wren, thread }) => wren.client.post(`/api/v1/statuses/${thread.id}/unfavourite`),
    shows: not(byId(({ thread }) => thread)),
  },
  {
    name: "bookmarks",
    path: () => "/api/v1/bookmarks",
    isPublic: false,
    write: ({ wren, thread }) => wren.client.post(`/api/v1/statuses/${thread.id}/bookmark`),
    shows: byId(({ thread }) => thread),
  },
  {
    name: "statuses/:id/reblogged_by",
    path: ({ thread }) => `/api/v1/statuses/${thread.id}/reblogged_by`,
    isPublic: true,
    write: ({ wren, thread }) => wren.client.post(`/api/v1/statuses/${thread.id}/reblog`),
    shows: byId(({ wren }) => wren),
  },
  {
    name: "accounts/:id/followers",
    path: ({ robin }) => `/api/v1/accounts/${robin.id}/followers`,
    isPublic: true,
    write: ({ wren, robin }) => wren.client.follow(robin.id),
    shows: byId(({ wren }) => wren),
  },
  {
    name: "accounts/familiar_followers",
    path: ({ finch }) => `/api/v1/accounts/familiar_followers?id[]=${finch.id}`,
    isPublic: false,
    write: ({ wren, robin }) => wren.client.post(`/api/v1/accounts/${robin.id}/unfollow`),
    shows: not(byId(({ robin }) => robin)),
  },
  {
    name: "accounts/:id/following",
    path: ({ wren }) => `/api/v1/accounts/${wren.id}/following`,
    isPublic: true,
    write: ({ wren, robin }) => wren.client.follow(robin.id),
    shows: byId(({ robin }) => robin),
  },
  {
    name: "lists",
    path: () => "/api/v1/lists",
    isPublic: false,
    write: ({ wren }) => wren.client.post("/api/v1/lists", { title: "another list" }),
    shows: word("another list"),
  },
  {
    name: "lists/:id",
    path: ({ list }) => `/api/v1/lists/${list.id}`,
    isPublic: false,
    write: ({ wren, list }) => wren.client.put(`/api/v1/lists/${list.id}`, { title: "renamed" }),
    shows: word("renamed"),
  },
  {
    name: "lists/:id/accounts",
    path: ({ list }) => `/api/v1/lists/${list.id}/accounts`,
    isPublic: false,
    write: ({ wren, list, robin }) =>
      wren.client.post(`/api/v1/lists/${list.id}/accounts`, { account_ids: [robin.id] }),
    shows: byId(({ robin }) => robin),
  },
  {
    name: "accounts/:id/lists",
    path: ({ robin }) => `/api/v1/accounts/${robin.id}/lists`,
    isPublic: false,
    write: ({ wren, list, robin }) =>
      wren.client.delete(`/api/v1/lists/${list.id}/accounts`, { account_ids: [robin.id] }),
    shows: not(byId(({ list }) => list)),
  },
  {
    name: "accounts/relationships",
    path: ({ robin }) => `/api/v1/accounts/relationships?id[]=${robin.id}`,
    isPublic: false,
    write: ({ wren, robin }) =>
      wren.client.post(`/api/v1/accounts/${robin.id}/note`, { comment: "a note of mine" }),
    shows: word("a note of mine"),
  },
  {
    name: "follow_requests",
    path: () => "/api/v1/follow_requests",
    isPublic: false,
    write: ({ wren, sparrow }) => wren.client.post(`/api/v1/follow_requests/${sparrow.id}/reject`),
    shows: not(byId(({ sparrow }) => sparrow)),
  },
  {
    name: "accounts/search",
    path: () => "/api/v1/accounts/search?q=zaunk",
    isPublic: false,
    write: ({ wren }) =>
      wren.client.patch("/api/v1/accounts/update_credentials", { display_name: "Zaunkönig" }),
    shows: byId(({ wren }) => wren),
  },
  {
    name: "search, posts",
    path: () => "/api/v2/search?q=unheard&type=statuses",
    isPublic: false,
    write: ({ wren, own }) => wren.client.put(`/api/v1/statuses/${own.id}`, { status: "unheard of" }),
    shows: byId(({ own }) => own),
  },
  {
    name: "search, hashtags",
    path: () => "/api/v2/search?q=findme&type=hashtags",
    isPublic: false,
    write: ({ wren }) => wren.client.publish("a #findmehere"),
    shows: word("findmehere"),
  },
  {
    name: "notifications",
    path: () => "/api/v1/notifications",
    isPublic: false,
    write: ({ wren, notifications }) =>
      wren.client.post(`/api/v1/notifications/${notifications[0]?.id}/dismiss`),
    shows: (text, { notifications }) => !text.includes(`"${notifications[0]?.id}"`),
  },
  {
    name: "notifications/unread_count",
    path: () => "/api/v1/notifications/unread_count",
    isPublic: false,
    write: ({ wren }) => wren.client.post("/api/v1/notifications/clear"),
    shows: word('"count":0'),
    primaryStatements: 1,
  },
  {
    name: "mutes",
    path: () => "/api/v1/mutes",
    isPublic: false,
    write: ({ wren, sparrow }) => wren.client.post(`/api/v1/accounts/${sparrow.id}/mute`),
    shows: byId(({ sparrow }) => sparrow),
  },
  {
    name: "suggestions",
    path: () => "/api/v2/suggestions",
    isPublic: false,
    write: ({ wren, finch }) => wren.client.post(`/api/v1/accounts/${finch.id}/block`),
    shows: not(byId(({ finch }) => finch)),
  },
  {
    name: "blocks",
    path: () => "/api/v1/blocks",
    isPublic: false,
    write: ({ wren, finch }) => wren.client.post(`/api/v1/accounts/${finch.id}/unblock`),
    shows: not(byId(({ finch }) => finch)),
  },
];
