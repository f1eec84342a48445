/** The API's cursors ↔ `Page`, and Link headers. */
import type { FastifyReply, FastifyRequest } from "fastify";
import Type from "typebox";
import { Invalid } from "../core/errors.ts";
import { requireId } from "../core/ids.ts";
import type { Page } from "../core/page.ts";

export const PagingQuery = {
  max_id: Type.Optional(Type.String({ description: "Only entries strictly older than this id" })),
  since_id: Type.Optional(Type.String({ description: "Only entries strictly newer; the newest page first" })),
  min_id: Type.Optional(
    Type.String({ description: "Only entries strictly newer; the page next to this id" }),
  ),
  limit: Type.Optional(
    Type.String({ description: "How many at most; larger than the maximum is the maximum" }),
  ),
};

export interface PagingInput {
  readonly max_id?: string | undefined;
  readonly since_id?: string | undefined;
  readonly min_id?: string | undefined;
  readonly limit?: string | undefined;
}

/** Throws Invalid for a cursor that is no id and a limit that is no positive number. */
export function pageOf(query: PagingInput, limits: { standard: number; most: number }): Page {
  const minId = query.min_id ? requireId(query.min_id, "min_id") : null;
  const sinceId = query.since_id ? requireId(query.since_id, "since_id") : null;
  return {
    before: query.max_id ? requireId(query.max_id, "max_id") : null,
    after: minId ?? sinceId,
    edge: minId === null ? "newest" : "oldest",
    limit: limitOf(query.limit, limits),
  };
}

export function limitOf(text: string | undefined, limits: { standard: number; most: number }): number {
  if (text === undefined || text === "") return limits.standard;
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1)
    throw new Invalid("limit must be a whole number of at least 1", 400);
  return Math.min(limit, limits.most);
}

/** `rel="next"` first: some clients look at nothing else. Absolute addresses, filters kept. */
export function linkPages(
  request: FastifyRequest,
  reply: FastifyReply,
  publicUrl: string,
  cursors: { next: bigint | null; previous: bigint | null },
): void {
  const links: string[] = [];
  if (cursors.next !== null) links.push(link(request, publicUrl, "max_id", cursors.next, "next"));
  if (cursors.previous !== null) links.push(link(request, publicUrl, "min_id", cursors.previous, "prev"));
  if (links.length > 0) reply.header("Link", links.join(", "));
}

function link(request: FastifyRequest, publicUrl: string, name: string, id: bigint, rel: string): string {
  const { url } = request;
  const query = url.indexOf("?");
  if (query === -1) return `<${publicUrl}${url}?${name}=${id}>; rel="${rel}"`;
  const parameters = new URLSearchParams(url.slice(query));
  for (const cursor of ["max_id", "since_id", "min_id", "access_token"]) parameters.delete(cursor);
  parameters.set(name, `${id}`);
  return `<${publicUrl}${url.slice(0, query)}?${parameters}>; rel="${rel}"`;
}

/** The cursors of a timeline page, newest first. */
export function timelineCursors(ids: readonly bigint[]): { next: bigint | null; previous: bigint | null } {
  return { next: ids.at(-1) ?? null, previous: ids[0] ?? null };
}

/** Lists of accounts page by row, and only say "next" when the page is full. */
export function rowCursors(
  rowIds: readonly bigint[],
  limit: number,
): { next: bigint | null; previous: bigint | null } {
  return { next: rowIds.length >= limit ? (rowIds.at(-1) ?? null) : null, previous: rowIds[0] ?? null };
}
