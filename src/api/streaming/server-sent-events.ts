/** A stream as a response that stays open: one stream per connection. */
import type { ServerResponse } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import { every, sleep } from "../../core/clock.ts";
import { tokenStands } from "../auth.ts";
import type { ApiContext } from "../context.ts";
import { ENDINGS, LiveConnection, requireOwnList, type Sink } from "./live-connection.ts";
import type { OpenStreams } from "./open-streams.ts";
import type { Stream } from "./stream-names.ts";

const HEARTBEAT_MS = 15_000;
/** For the last bytes to be taken; then the connection is cut. */
const CLOSE_GRACE_MS = 2_000;

export async function serveEvents(
  context: ApiContext,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
  stream: Stream,
  open: OpenStreams,
): Promise<FastifyReply> {
  const { viewer, log } = request;
  const { raw } = reply;
  // Refusals come first: once the head is out, there is no other answer.
  await requireOwnList(context, viewer?.accountId ?? null, stream);
  reply.hijack();
  if (raw.destroyed) return reply;
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    "Content-Type": "text/event-stream",
    "Cache-Control": "private, no-store",
    // A proxy that buffers would hold events back.
    "X-Accel-Buffering": "no",
  });
  const sink = sinkOf(raw);
  const stands = () => tokenStands(context.tokens, request);
  const connection = new LiveConnection(context, { viewer, sink, log, tokenStands: stands });
  const gauge = context.metrics.streamConnections;
  const forget = open.add(sink);
  const stopHeartbeat = every(HEARTBEAT_MS, () => write(raw, ":thump\n\n"));
  gauge.inc({ transport: "sse" });
  raw.on("error", () => raw.destroy());
  raw.once("close", () => {
    stopHeartbeat();
    forget();
    gauge.dec({ transport: "sse" });
    void connection[Symbol.asyncDispose]();
  });
  try {
    await connection.open();
    await connection.add(stream);
    write(raw, ":)\n\n");
  } catch (error) {
    log.warn({ err: error }, "a stream couldn't be opened");
    sink.close(ENDINGS.failed);
  }
  return reply;
}

function sinkOf(raw: ServerResponse): Sink {
  return {
    send: (_, event, payload) => write(raw, `event: ${event}\ndata: ${payload}\n\n`),
    waitingBytes: () => raw.writableLength,
    close: ({ reason }) => {
      if (raw.writableEnded) return;
      raw.end(`:closed: ${reason}\n\n`);
      const closed = new AbortController();
      raw.once("close", () => closed.abort());
      void sleep(CLOSE_GRACE_MS, closed.signal).then(() => raw.destroy());
    },
  };
}

/** Writing after the end would be an error nobody waits for. */
function write(raw: ServerResponse, text: string): void {
  if (!raw.writableEnded && !raw.destroyed) raw.write(text);
}
