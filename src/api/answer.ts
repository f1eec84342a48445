/** Sends statuses and accounts as the bytes they are cached in, and says how old they may be. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { BufferPool } from "../core/buffer-pool.ts";
import type { AccountId } from "../core/ids.ts";
import type { StaleReading } from "../engines/database/replica-router.ts";
import type { StatusRecord } from "../statuses/records.ts";
import { spliceStatus, spliceStatuses } from "../statuses/splice.ts";
import type { ApiContext } from "./context.ts";
import { linkPages, timelineCursors } from "./paging.ts";

/**
 * Bytes go out as they are; a route's schema of the answer is then documentation, and tests hold the bytes against it.
 * To the type checker what was sent is whatever the route promised.
 */
type Sent = never;

const pages = new BufferPool();

const JSON_TYPE = "application/json; charset=utf-8";

/** A timeline page with its Link header. */
export async function sendTimeline(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  records: readonly StatusRecord[],
): Promise<Sent> {
  linkPages(
    request,
    reply,
    context.config.publicUrl,
    timelineCursors(records.map((record) => record.facts.id)),
  );
  return sendStatuses(context, request, reply, records);
}

export async function sendStatuses(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  records: readonly StatusRecord[],
): Promise<Sent> {
  const pieces = await spliceStatuses(context.splice, records, request.viewer?.accountId ?? null);
  const page = pages.concat(pieces);
  // Only once the system has all of it; an answer that breaks off before leaves its buffer to the collector.
  reply.raw.once("finish", () => pages.giveBack(page));
  return sendJson(reply, page);
}

export async function sendStatus(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  record: StatusRecord,
): Promise<Sent> {
  return sendJson(reply, await spliceStatus(context.splice, record, request.viewer?.accountId ?? null));
}

/** Accounts in the order of their ids given; those that are gone are left out. */
export async function sendAccounts(
  context: ApiContext,
  reply: FastifyReply,
  ids: readonly AccountId[],
): Promise<Sent> {
  const profiles = await context.profiles.getMany(ids);
  const found = ids.flatMap((id) => {
    const profile = profiles.get(id);
    return profile && !profile.suspended ? [profile.json.toString()] : [];
  });
  return sendJson(reply, Buffer.from(`[${found.join(",")}]`));
}

export function sendJson(reply: FastifyReply, bytes: Buffer): Sent {
  return reply.header("Content-Type", JSON_TYPE).send(bytes) as Sent;
}

/** For a viewer, of what these accounts own: everything they have written until now is seen. */
export function readingOf(
  { recentWrites }: ApiContext,
  viewerId: AccountId | null,
  ...ownerIds: readonly AccountId[]
): StaleReading {
  return recentWrites.reading([viewerId, ...ownerIds]);
}

/** Only where there are replicas. 0: the primary answered. */
export function tellStaleness(
  { database }: ApiContext,
  reply: FastifyReply,
  { staleMs }: StaleReading,
): void {
  if (database.replicas) reply.header("Roost-Staleness-Ms", Math.ceil(staleMs));
}
