/** Streaming in all three styles: WebSocket with messages, WebSocket by address, and server-sent events. */
import type { ServerResponse } from "node:http";
import websocket from "@fastify/websocket";
import type { FastifyReply, FastifyRequest } from "fastify";
import Type from "typebox";
import type { WebSocket } from "ws";
import { every } from "../../core/clock.ts";
import { AppError, Invalid } from "../../core/errors.ts";
import type { App } from "../app.ts";
import type { ApiContext } from "../context.ts";
import { LiveConnection, type Sink } from "./live-connection.ts";
import { type StreamRequest, streamOf } from "./stream-names.ts";

const Text = Type.Optional(Type.String({ maxLength: 500 }));
const StreamQuery = Type.Object({ stream: Text, tag: Text, list: Text, access_token: Text });
const HEARTBEAT_MS = 15_000;
const MAX_MESSAGE_BYTES = 4_096;
const CLOSED_BY_US = 1008;

export async function streamingRoutes(app: App, context: ApiContext): Promise<void> {
  await app.register(websocket, { options: { maxPayload: MAX_MESSAGE_BYTES } });
  const openResponses = new Set<ServerResponse>();
  app.addHook("preClose", async () => {
    for (const response of openResponses) response.end();
  });

  app.get("/api/v1/streaming/health", { schema: { hide: true } }, async (_, reply) =>
    reply.type("text/plain").send("OK"),
  );

  app.route({
    method: "GET",
    url: "/api/v1/streaming",
    schema: {
      summary: "Open a WebSocket; or name a stream for server-sent events",
      querystring: StreamQuery,
    },
    handler: (request, reply) => {
      const { stream, tag, list } = request.query;
      if (!stream) throw new Invalid("Open a WebSocket here, or name a stream", 400);
      return serveEvents(context, request, reply, { stream, tag, list }, openResponses);
    },
    wsHandler: (socket, request) => {
      void serveSocket(context, socket, request as FastifyRequest<{ Querystring: Partial<StreamRequest> }>);
    },
  });

  for (const url of [
    "/api/v1/streaming/:stream",
    "/api/v1/streaming/:stream/:part",
    "/api/v1/streaming/:stream/:part/:more",
  ]) {
    app.route({
      method: "GET",
      url,
      schema: {
        summary: "Server-sent events of a stream",
        params: Type.Object({ stream: Type.String(), part: Text, more: Text }),
        querystring: StreamQuery,
      },
      handler: (request, reply) => {
        const { stream, part, more } = request.params;
        const name = [stream, part, more].filter((one) => one !== undefined).join(":");
        return serveEvents(context, request, reply, { ...request.query, stream: name }, openResponses);
      },
    });
  }
}

async function serveSocket(
  context: ApiContext,
  socket: WebSocket,
  request: FastifyRequest<{ Querystring: Partial<StreamRequest> }>,
): Promise<void> {
  const gauge = context.metrics.streamConnections;
  const sink: Sink = {
    send: (stream, event, payload) => socket.send(JSON.stringify({ stream, event, payload })),
    waitingBytes: () => socket.bufferedAmount,
    close: (reason) => socket.close(CLOSED_BY_US, reason),
  };
  const connection = new LiveConnection(context, request.viewer, sink);
  gauge.inc({ transport: "websocket" });
  const stopHeartbeat = heartbeat(socket);
  socket.once("close", () => {
    stopHeartbeat();
    gauge.dec({ transport: "websocket" });
    void connection[Symbol.asyncDispose]();
  });
  socket.on("error", () => socket.terminate());
  const attempt = async (work: () => Promise<void> | void) => {
    try {
      await work();
    } catch (error) {
      const known = error instanceof AppError ? error : null;
      if (!known) request.log.error({ err: error }, "a bug in a stream");
      const answer = {
        error: known?.message ?? "Something went wrong on our side",
        status: known?.httpStatus ?? 500,
      };
      socket.send(JSON.stringify(answer));
    }
  };
  socket.on("message", (data: Buffer) => void attempt(() => obey(connection, data, request)));
  const { stream, tag, list } = request.query;
  if (stream) await attempt(() => connection.add(streamOf({ stream, tag, list }, request.viewer)));
}

/** {"type": "subscribe" | "unsubscribe", "stream": …} */
async function obey(connection: LiveConnection, data: Buffer, request: FastifyRequest): Promise<void> {
  let message: { type?: unknown; stream?: unknown; tag?: unknown; list?: unknown };
  try {
    message = JSON.parse(data.toString()) as typeof message;
  } catch {
    throw new Invalid("A message must be JSON", 400);
  }
  const text = (value: unknown) => (typeof value === "string" ? value : undefined);
  const wanted = { stream: text(message?.stream) ?? "", tag: text(message?.tag), list: text(message?.list) };
  const stream = streamOf(wanted, request.viewer);
  if (message.type === "subscribe") await connection.add(stream);
  else if (message.type === "unsubscribe") connection.remove(stream);
  else throw new Invalid("type must be subscribe or unsubscribe", 400);
}

/** A peer that doesn't answer a ping by the next one is gone, whatever the network says. */
function heartbeat(socket: WebSocket): () => void {
  let alive = true;
  socket.on("pong", () => {
    alive = true;
  });
  return every(HEARTBEAT_MS, () => {
    if (!alive) return socket.terminate();
    alive = false;
    socket.ping();
  });
}

async function serveEvents(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  wanted: StreamRequest,
  openResponses: Set<ServerResponse>,
): Promise<FastifyReply> {
  const stream = streamOf(wanted, request.viewer);
  const { raw } = reply;
  const connection = new LiveConnection(context, request.viewer, {
    send: (_, event, payload) => void raw.write(`event: ${event}\ndata: ${payload}\n\n`),
    waitingBytes: () => raw.writableLength,
    close: () => raw.destroy(),
  });
  await connection.add(stream);
  reply.hijack();
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    "Content-Type": "text/event-stream",
    "Cache-Control": "private, no-store",
    // A proxy that buffers would hold events back.
    "X-Accel-Buffering": "no",
  });
  raw.write(":)\n\n");
  openResponses.add(raw);
  context.metrics.streamConnections.inc({ transport: "sse" });
  const stopHeartbeat = every(HEARTBEAT_MS, () => void raw.write(":thump\n\n"));
  raw.once("close", () => {
    stopHeartbeat();
    openResponses.delete(raw);
    context.metrics.streamConnections.dec({ transport: "sse" });
    void connection[Symbol.asyncDispose]();
  });
  return reply;
}
