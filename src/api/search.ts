import Type from "typebox";
import { Unauthenticated } from "../core/errors.ts";
import { type AccountId, MAX_ID, parseId, requireId, type StatusId } from "../core/ids.ts";
import { RESULTS_MOST, shownPage } from "../discovery/pages.ts";
import { findAccountId, suggestedAccounts } from "../discovery/search.ts";
import { searchAccounts } from "../discovery/search-accounts.ts";
import { searchStatuses, statusSearchOf } from "../discovery/search-statuses.ts";
import { type FoundTag, searchTags, type TagDay, tagHistories } from "../discovery/search-tags.ts";
import { type IdRange, parseStatusQuery } from "../discovery/status-query.ts";
import type { StaleSource } from "../engines/database/pools.ts";
import { onlyShown, onlyShownAccounts, onlyVisible, TIMELINE } from "../statuses/access.ts";
import type { StatusRecord } from "../statuses/records.ts";
import { statusesJson } from "../statuses/splice.ts";
import { readStale, sendJson } from "./answer.ts";
import { type App, signedIn } from "./app.ts";
import type { ApiContext } from "./context.ts";
import { Account } from "./entities/account.ts";
import { Status } from "./entities/status.ts";
import { Tag, tagJson } from "./entities/tag.ts";
import { clampedInput, IdInput } from "./input.ts";
import { LimitInput, limitOf } from "./paging.ts";

const Text = Type.Optional(Type.String());
const Flag = Type.Optional(Type.Boolean());

interface Found {
  readonly accounts: readonly AccountId[];
  readonly statuses: readonly StatusRecord[];
  readonly tags: readonly FoundTag[];
  readonly histories: ReadonlyMap<string, readonly TagDay[]>;
}

const NOTHING: Found = { accounts: [], statuses: [], tags: [], histories: new Map() };

export function searchRoutes(app: App, context: ApiContext): void {
  app.route({
    method: "GET",
    url: "/api/v2/search",
    config: { anonymous: true, scope: "read:search" },
    schema: {
      summary: "Find accounts, posts and hashtags",
      querystring: Type.Object({
        q: Type.String({
          maxLength: 500,
          description:
            'Words; for posts also "phrases" and from:, has:, is:, in:, language:, before:, after:, during:, each also with -',
        }),
        type: Text,
        following: Flag,
        account_id: Type.Optional(IdInput),
        limit: Type.Optional(LimitInput),
        offset: Type.Optional(
          clampedInput({ minimum: 0, maximum: RESULTS_MOST }, "How many to leave out, the best first"),
        ),
        max_id: Type.Optional(IdInput),
        min_id: Type.Optional(IdInput),
      }),
      response: {
        200: Type.Object({
          accounts: Type.Array(Account),
          statuses: Type.Array(Status),
          hashtags: Type.Array(Tag),
        }),
      },
    },
    handler: async (request, reply) => {
      const viewerId = request.viewer?.accountId ?? null;
      const { query } = request;
      const offset = query.offset ?? 0;
      if (offset > 0 && viewerId === null) throw new Unauthenticated("Sign in to page through results");
      const authorId = query.account_id ? requireId(query.account_id, "account_id") : null;
      const wanted: Query = {
        text: query.q,
        type: query.type ?? null,
        limit: limitOf(query.limit, { standard: 20, most: 40 }),
        offset,
        range: {
          from: query.min_id ? requireId(query.min_id, "min_id") + 1n : 0n,
          below: query.max_id ? requireId(query.max_id, "max_id") : MAX_ID,
        },
        edge: query.min_id ? "oldest" : "newest",
        isFollowing: query.following ?? false,
        authorId,
      };
      const found = await readStale(context, reply, [viewerId, authorId], (source) =>
        find(context, source, viewerId, wanted),
      );
      return sendJson(reply, await answer(context, found, viewerId));
    },
  });

  app.route({
    method: "GET",
    url: "/api/v2/suggestions",
    config: { scope: "read:accounts" },
    schema: {
      summary: "Accounts to follow",
      querystring: Type.Object({ limit: Type.Optional(LimitInput) }),
      response: {
        200: Type.Array(
          Type.Object({ source: Type.String(), sources: Type.Array(Type.String()), account: Account }),
        ),
      },
    },
    handler: async (request, reply) => {
      const limit = limitOf(request.query.limit, { standard: 20, most: 40 });
      const { accountId } = signedIn(request);
      const ids = await readStale(context, reply, [accountId], (source) =>
        suggestedAccounts(source, accountId, limit),
      );
      const profiles = await context.profiles.getMany(ids);
      return ids.flatMap((id) => {
        const profile = profiles.get(id);
        if (!profile) return [];
        const account = JSON.parse(profile.json.toString()) as Account;
        return [{ source: "global", sources: ["most_followed"], account }];
      });
    },
  });
}

interface Query {
  readonly text: string;
  readonly type: string | null;
  readonly limit: number;
  readonly offset: number;
  readonly range: IdRange;
  readonly edge: "newest" | "oldest";
  readonly isFollowing: boolean;
  readonly authorId: AccountId | null;
}

async function find(
  context: ApiContext,
  source: StaleSource,
  viewerId: AccountId | null,
  query: Query,
): Promise<Found> {
  const { publicUrl } = context.config;
  const wants = (type: string) => query.type === null || query.type === "" || query.type === type;
  const address = localAddress(query.text, publicUrl);
  if (address?.statusId) {
    const record = await context.statuses.statuses.get(address.statusId);
    const statuses = await onlyVisible(context.statuses, record ? [record] : [], viewerId);
    return { ...NOTHING, statuses };
  }
  const ownHost = new URL(publicUrl).host;
  if (wants("accounts") && address?.username) {
    const id = await findAccountId(source, address.username, ownHost);
    if (id !== null) return { ...NOTHING, accounts: [id] };
  }
  // Hashtags have no order by ids.
  const hasCursor = query.range.from > 0n || query.range.below < MAX_ID;
  const tags = wants("hashtags") && !hasCursor ? await searchTags(source, query.text, query) : [];
  return {
    accounts: wants("accounts") ? await findAccounts(context, source, viewerId, query, ownHost) : [],
    statuses:
      wants("statuses") && viewerId !== null
        ? await findStatuses(context, source, viewerId, query, ownHost)
        : [],
    tags,
    histories: await tagHistories(
      source,
      tags.map(({ tag }) => tag),
      context.clock.nowMs(),
    ),
  };
}

/** A page of the accounts that match, as far as they are shown to the viewer. */
export function findAccounts(
  context: ApiContext,
  source: StaleSource,
  viewerId: AccountId | null,
  query: Pick<Query, "text" | "range" | "isFollowing" | "limit" | "offset">,
  ownHost: string,
): Promise<AccountId[]> {
  return shownPage<AccountId, AccountId>(
    (found, limit) =>
      searchAccounts(source, query.text, { ...query, viewerId, ownHost, limit, offset: found.length }),
    (ids) => onlyShownAccounts(context.statuses, ids, viewerId),
    query,
  );
}

async function findStatuses(
  context: ApiContext,
  source: StaleSource,
  viewerId: AccountId,
  query: Query,
  ownHost: string,
): Promise<StatusRecord[]> {
  const parsed = parseStatusQuery(query.text);
  const { authorId, edge } = query;
  const search = parsed && (await statusSearchOf(source, parsed, { viewerId, authorId, ownHost }));
  if (!search) return [];
  const page = await shownPage<StatusId, StatusRecord>(
    (found, limit) => searchStatuses(source, search, { edge, limit, range: rangeAfter(found, query) }),
    async (ids) => {
      const records = await context.statuses.statuses.getMany(ids);
      const existing = ids.flatMap((id) => records.get(id) ?? []);
      const shown = await onlyShown(context.statuses, existing, viewerId, TIMELINE);
      const authors = await context.profiles.getMany(shown.map(({ facts }) => facts.authorId));
      return shown.filter(
        ({ facts: { authorId } }) => authorId === viewerId || authors.get(authorId)?.row.indexable,
      );
    },
    query,
  );
  return edge === "newest" ? page : page.reverse();
}

function rangeAfter(found: readonly StatusId[], { range, edge }: Query): IdRange {
  const last = found.at(-1);
  if (last === undefined) return range;
  return edge === "newest" ? { ...range, below: last } : { ...range, from: last + 1n };
}

/** Our own addresses resolve to what they show. */
function localAddress(text: string, publicUrl: string): { username?: string; statusId?: bigint } | null {
  if (!text.startsWith(publicUrl)) return null;
  const match = /^\/@(\w+)(?:\/(\d+))?\/?$/.exec(text.slice(publicUrl.length));
  if (!match?.[1]) return null;
  const statusId = match[2] ? parseId(match[2]) : null;
  return statusId === null ? { username: match[1] } : { statusId };
}

async function answer(context: ApiContext, found: Found, viewerId: AccountId | null): Promise<Buffer> {
  const profiles = await context.profiles.getMany(found.accounts);
  const accounts = found.accounts.flatMap((id) => profiles.get(id)?.json.toString() ?? []);
  const hashtags = found.tags.map((one) => tagJson(context.urls, one, found.histories.get(one.tag) ?? []));
  return Buffer.concat([
    Buffer.from(`{"accounts":[${accounts.join(",")}],"statuses":`),
    await statusesJson(context.splice, found.statuses, viewerId),
    Buffer.from(`,"hashtags":${JSON.stringify(hashtags)}}`),
  ]);
}
