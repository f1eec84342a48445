import Type from "typebox";
import { requireId } from "../core/ids.ts";
import { readHomeTimeline } from "../feed/home-timeline.ts";
import { readListTimeline } from "../feed/list-timeline.ts";
import { requireList } from "../relations/lists.ts";
import { readPublicTimeline, readTagTimeline } from "../statuses/public-timelines.ts";
import { readStale, sendTimeline } from "./answer.ts";
import { type App, signedIn } from "./app.ts";
import type { ApiContext } from "./context.ts";
import { Status } from "./entities/status.ts";
import { booleanOf } from "./input.ts";
import { PagingQuery, pageOf } from "./paging.ts";

const LIMITS = { standard: 20, most: 40 };

const Flag = Type.Optional(Type.String());
const Words = Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())]));
const timelineAnswer = { 200: Type.Array(Status) };

export function timelineRoutes(app: App, context: ApiContext): void {
  app.route({
    method: "GET",
    url: "/api/v1/timelines/home",
    config: { scope: "read:statuses" },
    schema: {
      summary: "The home timeline: newest posts of whom one follows",
      querystring: Type.Object(PagingQuery),
      response: timelineAnswer,
    },
    handler: async (request, reply) => {
      const page = pageOf(request.query, LIMITS);
      const records = await readHomeTimeline(context.home, signedIn(request).accountId, page);
      return sendTimeline(context, request, reply, records);
    },
  });

  app.route({
    method: "GET",
    url: "/api/v1/timelines/public",
    config: { anonymous: true, scope: "read:statuses" },
    schema: {
      summary: "Public posts, newest first",
      querystring: Type.Object({ ...PagingQuery, local: Flag, remote: Flag, only_media: Flag }),
      response: timelineAnswer,
    },
    handler: async (request, reply) => {
      // Everything is local here: asking for what is remote gives nothing.
      const isRemote = booleanOf(request.query.remote, "remote") ?? false;
      const onlyMedia = booleanOf(request.query.only_media, "only_media") ?? false;
      const page = pageOf(request.query, LIMITS);
      const viewerId = request.viewer?.accountId ?? null;
      const records = await readStale(context, reply, [viewerId], async (source) =>
        isRemote ? [] : readPublicTimeline({ ...context.home, ...source }, viewerId, page, { onlyMedia }),
      );
      return sendTimeline(context, request, reply, records);
    },
  });

  app.route({
    method: "GET",
    url: "/api/v1/timelines/tag/:tag",
    config: { anonymous: true, scope: "read:statuses" },
    schema: {
      summary: "Public posts with a hashtag",
      params: Type.Object({ tag: Type.String({ maxLength: 200 }) }),
      querystring: Type.Object({
        ...PagingQuery,
        local: Flag,
        remote: Flag,
        only_media: Flag,
        any: Words,
        all: Words,
        none: Words,
      }),
      response: timelineAnswer,
    },
    handler: async (request, reply) => {
      const { query } = request;
      const viewerId = request.viewer?.accountId ?? null;
      const page = pageOf(query, LIMITS);
      const filter = {
        tag: request.params.tag,
        any: wordsOf(query.any),
        all: wordsOf(query.all),
        none: wordsOf(query.none),
        onlyMedia: booleanOf(query.only_media, "only_media") ?? false,
      };
      const records = await readStale(context, reply, [viewerId], (source) =>
        readTagTimeline({ ...context.home, ...source }, viewerId, page, filter),
      );
      return sendTimeline(context, request, reply, records);
    },
  });

  app.route({
    method: "GET",
    url: "/api/v1/timelines/list/:id",
    config: { scope: "read:lists" },
    schema: {
      summary: "Posts of a list's members",
      params: Type.Object({ id: Type.String() }),
      querystring: Type.Object(PagingQuery),
      response: timelineAnswer,
    },
    handler: async (request, reply) => {
      const { accountId } = signedIn(request);
      const listId = requireId(request.params.id, "id");
      const list = await context.database.readNow(({ db }) => requireList(db, accountId, listId));
      const records = await readListTimeline(context.home, accountId, list, pageOf(request.query, LIMITS));
      return sendTimeline(context, request, reply, records);
    },
  });
}

function wordsOf(input: string | string[] | undefined): string[] {
  return input === undefined ? [] : Array.isArray(input) ? input : [input];
}
