/** Streaming in all three styles: WebSocket with messages, WebSocket by address, and server-sent events. */
import websocket from "@fastify/websocket";
import type { FastifyRequest } from "fastify";
import Type from "typebox";
import type { WebSocket } from "ws";
import { Invalid } from "../../core/errors.ts";
import type { App } from "../app.ts";
import type { ApiContext } from "../context.ts";
import { OpenStreams } from "./open-streams.ts";
import { serveEvents } from "./server-sent-events.ts";
import { nameOfPath, type StreamRequest, streamOf } from "./stream-names.ts";
import { serveSocket } from "./web-socket.ts";

const Text = Type.Optional(Type.String({ maxLength: 500 }));
const StreamQuery = Type.Object({ stream: Text, tag: Text, list: Text, access_token: Text });
/** For streams that the path names. */
const PathQuery = Type.Object({
  tag: Text,
  list: Text,
  only_media: Type.Optional(Type.Boolean({ description: "Of public streams: only posts with media" })),
  access_token: Text,
});
const StreamParams = Type.Object({ stream: Type.String(), part: Text, more: Text });
const SOCKET_OPTIONS = {
  maxPayload: 4_096,
  /** In ms, for a client to answer a closing; then its connection is cut. */
  closeTimeout: 2_000,
};
/** What a stream demands of a token depends on the stream: see `streamOf`. */
const ANYBODY = { anonymous: true } as const;

export async function streamingRoutes(app: App, context: ApiContext): Promise<void> {
  const open = new OpenStreams();
  // Before the plugin's own hook, which gives no reason.
  app.addHook("preClose", async () => open.stop());
  await app.register(websocket, { options: SOCKET_OPTIONS, errorHandler: onSocketError });

  app.get(
    "/api/v1/streaming/health",
    { config: ANYBODY, schema: { summary: "Whether streaming works", response: { 200: Type.String() } } },
    async (_, reply) => reply.type("text/plain").send("OK"),
  );

  app.route({
    method: "GET",
    url: "/api/v1/streaming",
    exposeHeadRoute: false,
    config: ANYBODY,
    schema: {
      summary: "Open a WebSocket; or name a stream for server-sent events",
      querystring: StreamQuery,
    },
    handler: (request, reply) => {
      const { stream, tag, list } = request.query;
      if (!stream) throw new Invalid("Open a WebSocket here, or name a stream", 400);
      return serveEvents(context, { request, reply }, streamOf({ stream, tag, list }, request.viewer), open);
    },
    wsHandler: (socket: WebSocket, request: FastifyRequest) =>
      serveSocket(context, { socket, request }, request.query as Partial<StreamRequest>, open),
  });

  for (const url of ["/:stream", "/:stream/:part", "/:stream/:part/:more"]) {
    app.route({
      method: "GET",
      url: `/api/v1/streaming${url}`,
      exposeHeadRoute: false,
      config: ANYBODY,
      schema: {
        summary: "Server-sent events of a stream",
        params: StreamParams,
        querystring: PathQuery,
      },
      handler: (request, reply) => {
        const { tag, list, only_media: onlyMedia = false } = request.query;
        const { stream, part, more } = request.params;
        const parts = [stream, part, more].filter((one) => one !== undefined);
        const wanted = streamOf({ tag, list, stream: nameOfPath(parts, onlyMedia) }, request.viewer);
        return serveEvents(context, { request, reply }, wanted, open);
      },
    });
  }
}

function onSocketError(error: Error & { code?: string }, socket: WebSocket, request: FastifyRequest): void {
  // A connection that broke, or a client that broke the protocol and is being told so: nothing to do about either.
  if (error.code !== undefined) {
    request.log.debug({ err: error }, "a WebSocket broke");
    return;
  }
  request.log.error({ err: error }, "a bug in a stream");
  socket.terminate();
}
