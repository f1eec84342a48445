/** Streams over a WebSocket: any number of them on one connection, named in its address or asked for by messages. */
import type { FastifyRequest } from "fastify";
import type { WebSocket } from "ws";
import { every } from "../../core/clock.ts";
import { AppError, Invalid } from "../../core/errors.ts";
import { tokenStands } from "../auth.ts";
import type { ApiContext } from "../context.ts";
import { ENDINGS, LiveConnection, type Sink } from "./live-connection.ts";
import type { OpenStreams } from "./open-streams.ts";
import { type StreamRequest, streamOf } from "./stream-names.ts";

const HEARTBEAT_MS = 30_000;
/** Messages of the client that wait for the one before them. */
const MAX_COMMANDS = 50;

/** Must not wait before it listens to the socket: what comes meanwhile would be lost. */
export function serveSocket(
  context: ApiContext,
  { socket, request }: { socket: WebSocket; request: FastifyRequest },
  asked: Partial<StreamRequest>,
  open: OpenStreams,
): void {
  const { viewer, log } = request;
  const sink: Sink = {
    send: (stream, event, payload) => socket.send(JSON.stringify({ stream, event, payload })),
    waitingBytes: () => socket.bufferedAmount,
    close: ({ code, reason }) => socket.close(code, reason),
  };
  const stands = () => tokenStands(context.tokens, request);
  const connection = new LiveConnection(context, { viewer, sink, log, tokenStands: stands });
  const gauge = context.metrics.streamConnections;
  const forget = open.add(sink);
  const stopHeartbeat = heartbeat(socket);
  gauge.inc({ transport: "websocket" });
  socket.once("close", () => {
    stopHeartbeat();
    forget();
    gauge.dec({ transport: "websocket" });
    void connection[Symbol.asyncDispose]();
  });
  const inOrder = commands(socket, request);
  inOrder(() => connection.open());
  const { stream, tag, list } = asked;
  if (stream) inOrder(() => connection.add(streamOf({ stream, tag, list }, viewer)));
  socket.on("message", (data: Buffer) => inOrder(() => obey(connection, data, request)));
}

/** Runs one after the other: an "unsubscribe" must not overtake its "subscribe". */
function commands(socket: WebSocket, request: FastifyRequest): (run: () => Promise<void>) => void {
  let last = Promise.resolve();
  let waiting = 0;
  return (run) => {
    if (waiting >= MAX_COMMANDS) {
      const { code, reason } = ENDINGS.tooManyMessages;
      return socket.close(code, reason);
    }
    waiting++;
    last = last
      .then(() => (socket.readyState === socket.OPEN ? run() : undefined))
      .catch((error: unknown) => {
        const known = error instanceof AppError ? error : null;
        if (!known) request.log.error({ err: error }, "a bug in a stream");
        const sentence = known?.message ?? "Something went wrong on our side";
        socket.send(JSON.stringify({ error: sentence, status: known?.httpStatus ?? 500 }));
      })
      .finally(() => {
        waiting--;
      });
  };
}

/** {"type": "subscribe" | "unsubscribe", "stream": …} */
async function obey(connection: LiveConnection, data: Buffer, request: FastifyRequest): Promise<void> {
  const { type, ...wanted } = readMessage(data);
  if (type !== "subscribe" && type !== "unsubscribe")
    throw new Invalid("type must be subscribe or unsubscribe", 400);
  const stream = streamOf(wanted, request.viewer);
  if (type === "subscribe") await connection.add(stream);
  else connection.remove(stream);
}

export function readMessage(data: Buffer): StreamRequest & { type: string | undefined } {
  let message: unknown;
  try {
    message = JSON.parse(data.toString());
  } catch {
    throw new Invalid("A message must be JSON", 400);
  }
  if (typeof message !== "object" || message === null) throw new Invalid("A message must be an object", 400);
  const { type, stream, tag, list } = message as Record<string, unknown>;
  const text = (value: unknown) => (typeof value === "string" ? value : undefined);
  return { type: text(type), stream: text(stream) ?? "", tag: text(tag), list: text(list) };
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
