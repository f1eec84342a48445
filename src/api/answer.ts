/** Sends statuses and accounts as the bytes they are cached in, and says how old they may be. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { BufferPool } from "../core/buffer-pool.ts";
import type { AccountId } from "../core/ids.ts";
import type { Page } from "../core/page.ts";
import type { StaleSource } from "../engines/database/pools.ts";
import type { ListRow } from "../statuses/collections.ts";
import type { StatusRecord } from "../statuses/records.ts";
import { spliceStatus, spliceStatuses } from "../statuses/splice.ts";
import type { ApiContext } from "./context.ts";
import { linkPages, rowCursors, timelineCursors } from "./paging.ts";

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

/** A page of a list of accounts, with its Link header. */
export function sendAccountPage(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  rows: readonly ListRow[],
  { limit }: Page,
): Promise<Sent> {
  linkRows(context, request, reply, rows, limit);
  return sendAccounts(
    context,
    reply,
    rows.map((row) => row.id),
  );
}

/** The Link header of a list that pages by rows of its own. */
export function linkRows(
  { config }: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  rows: readonly ListRow[],
  limit: number,
): void {
  const ids = rows.map((row) => row.row_id);
  linkPages(request, reply, config.publicUrl, rowCursors(ids, limit));
}

export function sendJson(reply: FastifyReply, bytes: Buffer): Sent {
  return reply.header("Content-Type", JSON_TYPE).send(bytes) as Sent;
}

/** Up to how many milliseconds ago something was committed that a page from replicas may lack. */
export const STALENESS_HEADER = "Roost-Staleness-Ms";

/**
 * What `read` finds, perhaps on replicas, and the header that tells how old that may be (0: the primary answered). All
 * that these accounts have written until now is seen: the viewer, and who owns what is read.
 *
 * What must hold at once, whoever changed it, isn't believed of a replica. Whether a status is there, what it says
 * and who may see it come from caches, which are filled by the primary alone and were told of every change that was
 * answered before this request (`catchUp`). So a page from a replica may name a status that was deleted a moment ago,
 * but nothing is shown of it; and nothing that a replica says enters a cache, but for a second while the primary is
 * away. Where a statement looks at relations by itself, they are the viewer's: whom one blocks or mutes is one's own
 * write, and a block names both sides as touched.
 */
export async function readStale<T>(
  { database, recentWrites }: Pick<ApiContext, "database" | "recentWrites">,
  reply: FastifyReply,
  ids: readonly (AccountId | null)[],
  read: (source: StaleSource) => Promise<T>,
): Promise<T> {
  const reading = recentWrites.reading(ids);
  const found = await read({ database, reading });
  if (database.replicas) reply.header(STALENESS_HEADER, Math.ceil(reading.staleMs));
  return found;
}
