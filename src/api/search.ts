import Type from "typebox";
import { Unauthenticated } from "../core/errors.ts";
import type { AccountId, StatusId } from "../core/ids.ts";
import { parseId } from "../core/ids.ts";
import {
  findAccountId,
  searchAccounts,
  searchStatuses,
  searchTags,
  suggestedAccounts,
} from "../discovery/search.ts";
import type { StaleSource } from "../engines/database/pools.ts";
import { onlyShown, onlyShownAccounts, onlyVisible, TIMELINE } from "../statuses/access.ts";
import { statusesJson } from "../statuses/splice.ts";
import { readStale, sendJson } from "./answer.ts";
import { type App, signedIn } from "./app.ts";
import type { ApiContext } from "./context.ts";
import { Account } from "./entities/account.ts";
import { Status } from "./entities/status.ts";
import { clampedInput, IdInput } from "./input.ts";
import { LimitInput, limitOf } from "./paging.ts";

const Text = Type.Optional(Type.String());
const Flag = Type.Optional(Type.Boolean());
const MAX_OFFSET = 10_000;
const Tag = Type.Object({
  name: Type.String(),
  url: Type.String(),
  history: Type.Array(Type.Unknown()),
  following: Type.Optional(Type.Boolean()),
});

interface Found {
  accounts: AccountId[];
  statuses: StatusId[];
  tags: string[];
  /** By its own address: what a lookup gives, and no search. */
  isLookup?: true;
}

export function searchRoutes(app: App, context: ApiContext): void {
  app.route({
    method: "GET",
    url: "/api/v2/search",
    config: { anonymous: true, scope: "read:search" },
    schema: {
      summary: "Find accounts, posts and hashtags",
      querystring: Type.Object({
        q: Type.String({ maxLength: 500 }),
        type: Text,
        following: Flag,
        account_id: Type.Optional(IdInput),
        limit: Type.Optional(LimitInput),
        offset: Type.Optional(
          clampedInput({ minimum: 0, maximum: MAX_OFFSET }, "How many to leave out, the best first"),
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
      if (query.offset && viewerId === null) throw new Unauthenticated("Sign in to page through results");
      const authorId = query.account_id ? parseId(query.account_id) : null;
      const wanted = {
        text: query.q,
        type: query.type ?? null,
        limit: limitOf(query.limit, { standard: 20, most: 40 }),
        offset: query.offset ?? 0,
        following: query.following ?? false,
        authorId,
      };
      const found = await readStale(context, reply, [viewerId, authorId], (source) =>
        find(source, context.config.publicUrl, viewerId, wanted),
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
  text: string;
  type: string | null;
  limit: number;
  offset: number;
  following: boolean;
  authorId: AccountId | null;
}

async function find(
  source: StaleSource,
  publicUrl: string,
  viewerId: AccountId | null,
  query: Query,
): Promise<Found> {
  const ownHost = new URL(publicUrl).host;
  const wants = (type: string) => query.type === null || query.type === "" || query.type === type;
  const address = localAddress(query.text, publicUrl);
  if (address?.statusId) return { accounts: [], statuses: [address.statusId], tags: [], isLookup: true };
  const name = address?.username ?? query.text;
  const exact = wants("accounts") && address ? await findAccountId(source, name, ownHost) : null;
  if (exact !== null) return { accounts: [exact], statuses: [], tags: [], isLookup: true };
  const { limit, offset } = query;
  const followedBy = query.following ? viewerId : null;
  return {
    accounts: wants("accounts")
      ? await searchAccounts(source, name, { limit, offset, followedBy, ownHost })
      : [],
    statuses:
      wants("statuses") && viewerId !== null
        ? await searchStatuses(source, query.text, { limit, authorId: query.authorId })
        : [],
    tags: wants("hashtags") ? await searchTags(source, query.text, limit) : [],
  };
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
  const ids = found.isLookup
    ? found.accounts
    : await onlyShownAccounts(context.statuses, found.accounts, viewerId);
  const profiles = await context.profiles.getMany(ids);
  const accounts = ids.flatMap((id) => profiles.get(id)?.json.toString() ?? []);
  const records = await context.statuses.statuses.getMany(found.statuses);
  const existing = found.statuses.flatMap((id) => records.get(id) ?? []);
  const shown = found.isLookup
    ? await onlyVisible(context.statuses, existing, viewerId)
    : await onlyShown(context.statuses, existing, viewerId, TIMELINE);
  const hashtags = found.tags.map((name) => ({
    name,
    url: context.urls.tag(name),
    history: [],
    following: false,
  }));
  return Buffer.concat([
    Buffer.from(`{"accounts":[${accounts.join(",")}],"statuses":`),
    await statusesJson(context.splice, shown, viewerId),
    Buffer.from(`,"hashtags":${JSON.stringify(hashtags)}}`),
  ]);
}
