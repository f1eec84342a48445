import Type, { type Static } from "typebox";
import { Invalid, NotFound } from "../core/errors.ts";
import { fullPage } from "../core/page.ts";
import {
  clearNotifications,
  dismissNotification,
  findNotification,
  type Marker,
  markersOf,
  type NotificationFilter,
  pageOfNotifications,
  setMarker,
} from "../notifications/queries.ts";
import { readStale, sendJson } from "./answer.ts";
import { type App, signedIn } from "./app.ts";
import type { ApiContext } from "./context.ts";
import { Notification, notificationsJson } from "./entities/notification.ts";
import { IdInput, optionalIdOf, WordsInput } from "./input.ts";
import { LimitInput, limitOf, linkPages, PagingQuery, pageOf, timelineCursors } from "./paging.ts";
import { requireStatusId as requirePathId } from "./statuses.ts";

const IdParams = Type.Object({ id: Type.String() });
const Words = Type.Optional(WordsInput);
const FilterQuery = {
  types: Words,
  exclude_types: Words,
  account_id: Type.Optional(IdInput),
};
const Empty = Type.Object({});
const LIMITS = { standard: 40, most: 80 };
const [OPEN, COMMA, CLOSE] = ["[", ",", "]"].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer];

const MarkerEntity = Type.Object({
  last_read_id: Type.String(),
  version: Type.Integer(),
  updated_at: Type.String(),
});
const Markers = Type.Record(Type.String(), MarkerEntity);
const TIMELINES = ["home", "notifications"] as const;
const MarkerInput = Type.Optional(Type.Object({ last_read_id: Type.Optional(IdInput) }));

export function notificationRoutes(app: App, context: ApiContext): void {
  const { database } = context;

  app.route({
    method: "GET",
    url: "/api/v1/notifications",
    config: { scope: "read:notifications" },
    schema: {
      summary: "What happened that concerns one",
      querystring: Type.Object({
        ...PagingQuery,
        ...FilterQuery,
      }),
      response: { 200: Type.Array(Notification) },
    },
    handler: async (request, reply) => {
      const { accountId } = signedIn(request);
      const { query } = request;
      const page = pageOf(query, LIMITS);
      const filter = filterOf(query);
      const shown = await readStale(context, reply, [accountId], (source) =>
        fullPage(page, {
          read: (part) => pageOfNotifications(source, accountId, part, filter),
          idOf: (row) => row.id,
          keep: (rows) => notificationsJson(context, accountId, rows),
        }),
      );
      linkPages(request, reply, context.config.publicUrl, timelineCursors(shown.map(({ id }) => id)));
      return sendJson(reply, jsonArray(shown.map(({ json }) => json)));
    },
  });

  app.route({
    method: "GET",
    url: "/api/v1/notifications/unread_count",
    config: { scope: "read:notifications" },
    schema: {
      summary: "How many came since the marker",
      querystring: Type.Object({ limit: Type.Optional(LimitInput), ...FilterQuery }),
      response: { 200: Type.Object({ count: Type.Integer() }) },
    },
    handler: async (request, reply) => {
      const { accountId } = signedIn(request);
      const { query } = request;
      const limit = limitOf(query.limit, { standard: 100, most: 1_000 });
      const filter = filterOf(query);
      // Markers come from the primary: they are set with every look at a timeline, and setting one tells nobody.
      const [marker] = await markersOf(database.db, accountId, ["notifications"]);
      const after = BigInt(marker?.last_read_id ?? 0);
      // What the list shows: counted otherwise, one that can't be opened any more would stay unread for ever.
      const unread = await readStale(context, reply, [accountId], (source) =>
        fullPage(
          { before: null, after, edge: "newest", limit },
          {
            read: (part) => pageOfNotifications(source, accountId, part, filter),
            idOf: (row) => row.id,
            keep: (rows) => notificationsJson(context, accountId, rows),
          },
        ),
      );
      return { count: unread.length };
    },
  });

  app.route({
    method: "GET",
    url: "/api/v1/notifications/:id",
    config: { scope: "read:notifications" },
    schema: { summary: "A notification", params: IdParams, response: { 200: Notification } },
    handler: async (request, reply) => {
      const { accountId } = signedIn(request);
      const row = await findNotification(context.database, accountId, requirePathId(request.params.id));
      const [shown] = row ? await notificationsJson(context, accountId, [row]) : [];
      if (!shown) throw new NotFound();
      return sendJson(reply, shown.json);
    },
  });

  app.route({
    method: "POST",
    url: "/api/v1/notifications/clear",
    config: { scope: "write:notifications" },
    schema: { summary: "Delete all of one's notifications", response: { 200: Empty } },
    handler: async (request) => {
      const { accountId } = signedIn(request);
      await clearNotifications(context.database, accountId);
      await context.tellWrite(accountId, "own");
      return {};
    },
  });

  app.route({
    method: "POST",
    url: "/api/v1/notifications/:id/dismiss",
    config: { scope: "write:notifications" },
    schema: { summary: "Delete a notification", params: IdParams, response: { 200: Empty } },
    handler: async (request) => {
      const { accountId } = signedIn(request);
      const id = requirePathId(request.params.id);
      if (!(await dismissNotification(context.database, accountId, id))) throw new NotFound();
      await context.tellWrite(accountId, "own");
      return {};
    },
  });

  markerRoutes(app, context);
}

function markerRoutes(app: App, context: ApiContext): void {
  const { database } = context;

  app.route({
    method: "GET",
    url: "/api/v1/markers",
    config: { scope: "read:statuses" },
    schema: {
      summary: "Where one stopped reading",
      querystring: Type.Object({ timeline: Words }),
      response: { 200: Markers },
    },
    handler: async (request) => {
      const asked = request.query.timeline ?? [];
      const wanted = asked.length === 0 ? TIMELINES : asked;
      const { accountId } = signedIn(request);
      // Setting one is told to nobody, so no replica is known to have it.
      return entityOf(await markersOf(database.db, accountId, wanted));
    },
  });

  app.route({
    method: "POST",
    url: "/api/v1/markers",
    config: { scope: "write:statuses" },
    schema: {
      summary: "Remember where one stopped reading",
      body: Type.Object({ home: MarkerInput, notifications: MarkerInput }),
      response: { 200: Markers },
    },
    handler: async (request) => {
      const { accountId } = signedIn(request);
      const wanted = TIMELINES.flatMap((timeline) => {
        const id = optionalIdOf(request.body[timeline]?.last_read_id, `${timeline}[last_read_id]`);
        return id === null ? [] : [{ timeline, id }];
      });
      if (wanted.length === 0)
        throw new Invalid("home[last_read_id] or notifications[last_read_id] is needed", 400);
      const set: Marker[] = [];
      for (const { timeline, id } of wanted) set.push(await setMarker(database.db, accountId, timeline, id));
      return entityOf(set);
    },
  });
}

function entityOf(markers: readonly Marker[]): Static<typeof Markers> {
  return Object.fromEntries(
    markers.map(({ timeline, last_read_id, version, updated_at }) => [
      timeline,
      { last_read_id, version, updated_at: updated_at.toISOString() },
    ]),
  );
}

function jsonArray(pieces: readonly Buffer[]): Buffer {
  const separated = pieces.flatMap((piece, i) => (i === 0 ? [piece] : [COMMA, piece]));
  return Buffer.concat([OPEN, ...separated, CLOSE]);
}

function filterOf(query: {
  readonly types?: readonly string[];
  readonly exclude_types?: readonly string[];
  readonly account_id?: string;
}): NotificationFilter {
  return {
    types: query.types ?? [],
    excludeTypes: query.exclude_types ?? [],
    fromId: optionalIdOf(query.account_id, "account_id"),
  };
}
