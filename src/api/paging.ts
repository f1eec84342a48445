/** The API's cursors ↔ `Page`, and Link headers. */
import type { FastifyReply, FastifyRequest } from "fastify";
import Type from "typebox";
import type { Page } from "../core/page.ts";
import { clampedInput, IdInput, optionalIdOf } from "./input.ts";

const cursor = (description: string) => Type.Optional(Type.String({ ...IdInput, description }));

/** More than the largest page of any route; `pageOf` knows the route's own. */
const LIMIT_MOST = 5_000;
export const LimitInput = clampedInput(
  { minimum: 1, maximum: LIMIT_MOST },
  "How many at most; larger than the maximum is the maximum",
);

export const PagingQuery = {
  max_id: cursor("Only entries strictly older than this id"),
  since_id: cursor("Only entries strictly newer; the newest page first"),
  min_id: cursor("Only entries strictly newer; the page next to this id"),
  limit: Type.Optional(LimitInput),
};

export interface PagingInput {
  readonly max_id?: string | undefined;
  readonly since_id?: string | undefined;
  readonly min_id?: string | undefined;
  readonly limit?: number | undefined;
}

/** Throws Invalid for a cursor that is no id. */
export function pageOf(query: PagingInput, limits: { standard: number; most: number }): Page {
  const minId = optionalIdOf(query.min_id, "min_id");
  const sinceId = optionalIdOf(query.since_id, "since_id");
  return {
    before: optionalIdOf(query.max_id, "max_id"),
    after: minId ?? sinceId,
    edge: minId === null ? "newest" : "oldest",
    limit: limitOf(query.limit, limits),
  };
}

export function limitOf(asked: number | undefined, limits: { standard: number; most: number }): number {
  return asked === undefined ? limits.standard : Math.min(asked, limits.most);
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
