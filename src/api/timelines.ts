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
import { WordsInput } from "./input.ts";
import { PagingQuery, pageOf } from "./paging.ts";

const LIMITS = { standard: 20, most: 40 };

const Flag = Type.Optional(Type.Boolean());
const Words = Type.Optional(WordsInput);
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
      querystring: Type.Object({ ...PagingQuery, remote: Flag, only_media: Flag }),
      response: timelineAnswer,
    },
    handler: async (request, reply) => {
      // Everything is local here: asking for what is remote gives nothing.
      const isRemote = request.query.remote ?? false;
      const onlyMedia = request.query.only_media ?? false;
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
      // Everything is local here: asking for what is remote gives nothing.
      const isRemote = query.remote ?? false;
      const viewerId = request.viewer?.accountId ?? null;
      const page = pageOf(query, LIMITS);
      const filter = {
        tag: request.params.tag,
        any: query.any ?? [],
        all: query.all ?? [],
        none: query.none ?? [],
        onlyMedia: query.only_media ?? false,
      };
      const records = await readStale(context, reply, [viewerId], async (source) =>
        isRemote ? [] : readTagTimeline({ ...context.home, ...source }, viewerId, page, filter),
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
