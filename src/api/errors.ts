/** Errors → answers. The only place that knows HTTP statuses of what went wrong. */
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { AppError, Invalid, RateLimited, Unavailable } from "../core/errors.ts";
import { UNSUPPORTED_TYPE } from "./http/body-parsing.ts";

/** Codes of the pg driver and PostgreSQL that mean: the database is away or too busy, not: the query is wrong. */
const DATABASE_AWAY = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOENT",
  "EPIPE",
  // A machine or its name that is gone.
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "57P01",
  "57P02",
  "57P03",
  "53300",
  "57014",
  // A session that was idle for too long, since this process stood still.
  "57P05",
  "25P03",
  // A primary that has just become a replica: writes go elsewhere in a moment.
  "25006",
  "08006",
  "08003",
  // PgBouncer's: the database behind it is away, or has no connection free in time.
  "08P01",
]);
/** Of these, those that end a connection on which something was being done. */
const LEFT_MIDWAY = new Set(["ECONNRESET", "EPIPE", "ETIMEDOUT", "57P01", "57P02", "08006"]);
const RETRY_AFTER_MS = 2_000;

const MAX_READ_ON_BYTES = 64 * 1024 * 1024;

export async function answerError(
  error: FastifyError | Error,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const known = asAppError(error, request.method);
  if (known?.httpStatus === 413) await readOn(request);
  // A refused WebSocket is answered on a connection that HTTP has let go of: nobody else would close it.
  if (request.headers.upgrade) reply.raw.once("finish", () => request.raw.socket.end());
  if (!known) {
    request.log.error({ err: error }, "a bug: an error that nothing expected");
    void reply.code(500).send({ error: `Something went wrong on our side (request ${request.id})` });
    return;
  }
  if (known.httpStatus >= 500) request.log.warn({ err: known.cause ?? known }, "a request was refused");
  // Whatever is unavailable says when to come again, also where nobody knows better.
  const retryAfterMs = known.retryAfterMs ?? (known.httpStatus === 503 ? RETRY_AFTER_MS : undefined);
  if (retryAfterMs !== undefined) reply.header("Retry-After", Math.max(1, Math.ceil(retryAfterMs / 1000)));
  if (known.httpStatus === 401) reply.header("WWW-Authenticate", 'Bearer realm="Roost"');
  const details = known instanceof Invalid && known.details ? { details: known.details } : {};
  void reply.code(known.httpStatus).send({ error: known.message, ...details });
}

/**
 * Takes the rest of a body that is too large, and forgets it: a client that is still sending when the connection closes
 * sees a broken pipe instead of the answer. Up to a bound; past that the connection may break.
 */
function readOn({ raw }: FastifyRequest): Promise<void> {
  return new Promise((resolve) => {
    if (raw.readableEnded || raw.destroyed) return resolve();
    let readBytes = 0;
    raw.on("data", (chunk: Buffer) => {
      readBytes += chunk.length;
      if (readBytes > MAX_READ_ON_BYTES) resolve();
    });
    for (const event of ["end", "close", "error"]) raw.once(event, () => resolve());
    raw.resume();
  });
}

function asAppError(error: FastifyError | Error, method: string): AppError | null {
  if (error instanceof AppError) return error;
  const { statusCode, code, validation } = error as FastifyError;
  if (validation) return new Invalid(sentenceOf(error as FastifyError), 422);
  if (isDatabaseAway(error, code)) {
    const isWrite = method !== "GET" && method !== "HEAD";
    return new Unavailable(
      isWrite && isAnswerLost(error, code)
        ? "The database's answer was lost, so this may have been done: look before you try again. " +
            "A post with an Idempotency-Key can be sent again as it is"
        : "The database can't be reached right now. Try again in a moment",
      { cause: error, retryAfterMs: RETRY_AFTER_MS },
    );
  }
  // PostgreSQL's refusal of text that can't be stored: NUL, or what isn't UTF-8.
  if (code === "22021" || code === "22P05")
    return new Invalid("The text contains characters that can't be stored");
  if (statusCode === 429) return new RateLimited("Too many requests");
  if (statusCode === 413) return new Invalid("The request is too large", 413);
  if (statusCode === 415) return new Invalid(UNSUPPORTED_TYPE, 415);
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new Invalid(error.message, 400);
  return null;
}

function isDatabaseAway(error: Error, code: string | undefined): boolean {
  if (code !== undefined && DATABASE_AWAY.has(code)) return true;
  return /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout)|is not queryable$/.test(
    error.message,
  );
}

/**
 * Sent, and then nothing came back, or a farewell: it may have been done. A server that is told to stop while a commit
 * waits for a replica says goodbye though the commit stands.
 */
function isAnswerLost({ message }: Error, code: string | undefined): boolean {
  if (/^(Query read timeout|Connection terminated)/.test(message)) return true;
  // Of PgBouncer's reasons, those for which it never sent the query on.
  if (code === "08P01")
    return !/query_wait_timeout|cannot connect|connect (timeout|failed)|login/.test(message);
  return code !== undefined && LEFT_MIDWAY.has(code) && !message.startsWith("connect ");
}

/** "body/poll must be object" → "poll must be object" */
function sentenceOf(error: FastifyError): string {
  return error.message
    .replace(/^(body|querystring|params|headers)[/ ]?/, "")
    .replace(/^must/, "The request must");
}
