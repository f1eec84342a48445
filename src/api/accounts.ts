import Type, { type Static } from "typebox";
import { editProfile, type ProfileChange } from "../accounts/edit-profile.ts";
import type { Profile } from "../accounts/profiles.ts";
import { Invalid, NotFound } from "../core/errors.ts";
import { type AccountId, MAX_ID } from "../core/ids.ts";
import { findAccountId } from "../discovery/search.ts";
import { storeAvatar, storeHeader } from "../media/upload.ts";
import { authorizeAllRequests } from "../relations/follow.ts";
import { ACCOUNT_LISTS } from "../relations/queries.ts";
import { authorStatuses, pageOfRows } from "../statuses/collections.ts";
import { cleanInput } from "../statuses/text.ts";
import { visibilityCode, visibilityOf } from "../statuses/visibility.ts";
import { readStale, sendAccountPage, sendAccounts, sendJson, sendTimeline } from "./answer.ts";
import { type App, signedIn } from "./app.ts";
import type { ApiContext } from "./context.ts";
import { Account } from "./entities/account.ts";
import { CredentialAccount, credentialAccount } from "./entities/credential-account.ts";
import { Status } from "./entities/status.ts";
import type { UploadedFile } from "./http/body-parsing.ts";
import { BooleanInput, booleanOf } from "./input.ts";
import { limitOf, PagingQuery, pageOf } from "./paging.ts";
import { findAccounts, offsetOf } from "./search.ts";
import { requireStatusId as requirePathId, visibilityIn } from "./statuses.ts";

const IdParams = Type.Object({ id: Type.String() });
const Flag = Type.Optional(Type.String());

const ProfileInput = Type.Object({
  display_name: Type.Optional(Type.String()),
  note: Type.Optional(Type.String()),
  avatar: Type.Optional(Type.Unknown()),
  header: Type.Optional(Type.Unknown()),
  locked: Type.Optional(BooleanInput),
  bot: Type.Optional(BooleanInput),
  discoverable: Type.Optional(BooleanInput),
  indexable: Type.Optional(BooleanInput),
  hide_collections: Type.Optional(BooleanInput),
  fields_attributes: Type.Optional(Type.Unknown()),
  source: Type.Optional(
    Type.Object({
      privacy: Type.Optional(Type.String()),
      sensitive: Type.Optional(BooleanInput),
      language: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    }),
  ),
});

export function accountRoutes(app: App, context: ApiContext): void {
  const { db } = context.database;

  app.route({
    method: "GET",
    url: "/api/v1/accounts/verify_credentials",
    config: { scope: "read:accounts" },
    schema: { summary: "The account a token belongs to", response: { 200: CredentialAccount } },
    handler: async (request) => credentialAccount(context, signedIn(request).accountId),
  });

  app.route({
    method: "PATCH",
    url: "/api/v1/accounts/update_credentials",
    config: { scope: "write:accounts" },
    schema: { summary: "Change one's profile", body: ProfileInput, response: { 200: CredentialAccount } },
    handler: async (request) => {
      const { accountId } = signedIn(request);
      const change = await changeOf(context, accountId, request.body);
      await editProfile({ db, invalidate: context.relations.invalidate }, accountId, change);
      if (change.locked === false) await authorizeAllRequests(context.relations, accountId);
      return credentialAccount(context, accountId);
    },
  });

  app.route({
    method: "GET",
    url: "/api/v1/preferences",
    config: { scope: "read:accounts" },
    schema: {
      summary: "Preferences for posting and reading",
      response: { 200: Type.Record(Type.String(), Type.Unknown()) },
    },
    handler: async (request) => {
      const { row } = await requireAccount(context, `${signedIn(request).accountId}`);
      return {
        "posting:default:visibility": visibilityOf(row.default_visibility),
        "posting:default:sensitive": row.default_sensitive,
        "posting:default:language": row.default_language,
        "reading:expand:media": "default",
        "reading:expand:spoilers": false,
        "reading:autoplay:gifs": false,
      };
    },
  });

  app.route({
    method: "GET",
    url: "/api/v1/accounts/lookup",
    config: { anonymous: true, scope: "read:accounts" },
    schema: {
      summary: "An account by name",
      querystring: Type.Object({ acct: Type.String() }),
      response: { 200: Account },
    },
    handler: async (request, reply) => {
      const ownHost = new URL(context.config.publicUrl).host;
      const id = await readStale(context, reply, [request.viewer?.accountId ?? null], (source) =>
        findAccountId(source, request.query.acct, ownHost),
      );
      return sendJson(reply, (await requireAccount(context, `${id ?? 0}`)).json);
    },
  });

  app.route({
    method: "GET",
    url: "/api/v1/accounts/search",
    config: { scope: "read:accounts" },
    schema: {
      summary: "Find accounts by name",
      querystring: Type.Object({
        q: Type.String(),
        limit: Flag,
        offset: Flag,
        resolve: Flag,
        following: Flag,
      }),
      response: { 200: Type.Array(Account) },
    },
    handler: async (request, reply) => {
      const { query } = request;
      const { accountId } = signedIn(request);
      const search = {
        text: query.q,
        limit: limitOf(query.limit, { standard: 40, most: 80 }),
        offset: offsetOf(query.offset),
        range: { from: 0n, below: MAX_ID },
        isFollowing: booleanOf(query.following, "following") ?? false,
      };
      const ownHost = new URL(context.config.publicUrl).host;
      const ids = await readStale(context, reply, [accountId], (source) =>
        findAccounts(context, source, accountId, search, ownHost),
      );
      return sendAccounts(context, reply, ids);
    },
  });

  app.route({
    method: "GET",
    url: "/api/v1/accounts/:id",
    config: { anonymous: true, scope: "read:accounts" },
    schema: { summary: "An account", params: IdParams, response: { 200: Account } },
    handler: async (request, reply) =>
      sendJson(reply, (await requireAccount(context, request.params.id)).json),
  });

  app.route({
    method: "GET",
    url: "/api/v1/accounts/:id/statuses",
    config: { anonymous: true, scope: "read:statuses" },
    schema: {
      summary: "An account's statuses",
      params: IdParams,
      querystring: Type.Object({
        ...PagingQuery,
        only_media: Flag,
        exclude_replies: Flag,
        exclude_reblogs: Flag,
        pinned: Flag,
        tagged: Flag,
      }),
      response: { 200: Type.Array(Status) },
    },
    handler: async (request, reply) => {
      const { query } = request;
      const account = await requireAccount(context, request.params.id);
      const viewerId = request.viewer?.accountId ?? null;
      const page = pageOf(query, { standard: 20, most: 40 });
      // Pinning isn't offered, so nothing is pinned.
      if (booleanOf(query.pinned, "pinned")) return sendTimeline(context, request, reply, []);
      const filter = {
        onlyMedia: booleanOf(query.only_media, "only_media") ?? false,
        excludeReplies: booleanOf(query.exclude_replies, "exclude_replies") ?? false,
        excludeReblogs: booleanOf(query.exclude_reblogs, "exclude_reblogs") ?? false,
        tagged: query.tagged ?? null,
      };
      const records = await readStale(context, reply, [viewerId, account.id], (source) =>
        authorStatuses({ ...context.statuses, ...source }, account.id, viewerId, page, filter),
      );
      return sendTimeline(context, request, reply, records);
    },
  });

  for (const list of ["followers", "following"] as const) {
    app.route({
      method: "GET",
      url: `/api/v1/accounts/:id/${list}`,
      config: { anonymous: true, scope: "read:accounts" },
      schema: {
        summary: list === "followers" ? "Who follows an account" : "Whom an account follows",
        params: IdParams,
        querystring: Type.Object(PagingQuery),
        response: { 200: Type.Array(Account) },
      },
      handler: async (request, reply) => {
        const account = await requireAccount(context, request.params.id);
        const page = pageOf(request.query, { standard: 40, most: 80 });
        const viewerId = request.viewer?.accountId ?? null;
        const isHidden = account.hideCollections && viewerId !== account.id;
        const rows = await readStale(context, reply, [viewerId, account.id], async ({ database, reading }) =>
          isHidden
            ? []
            : database.readStale(reading, (db) => pageOfRows(db, ACCOUNT_LISTS[list](account.id), page)),
        );
        return sendAccountPage(context, request, reply, rows, page);
      },
    });
  }
}

/** The account at this path; NotFound also for what can't be an id. */
export async function requireAccount(context: ApiContext, id: string): Promise<Profile> {
  const profile = await context.profiles.get(requirePathId(id));
  if (!profile) throw new NotFound();
  return profile;
}

async function changeOf(
  context: ApiContext,
  accountId: AccountId,
  input: Static<typeof ProfileInput>,
): Promise<ProfileChange> {
  const { source } = input;
  const avatar = fileOf(input.avatar, "avatar");
  const header = fileOf(input.header, "header");
  const pictures = {
    ...(avatar ? await storeAvatar(context.mediaStore, accountId, avatar.bytes) : {}),
    ...(header ? await storeHeader(context.mediaStore, accountId, header.bytes) : {}),
  };
  return {
    ...pictures,
    displayName: input.display_name === undefined ? undefined : cleanInput(input.display_name).trim(),
    note: input.note === undefined ? undefined : cleanInput(input.note),
    fields: fieldsOf(input.fields_attributes),
    locked: booleanOf(input.locked, "locked"),
    bot: booleanOf(input.bot, "bot"),
    discoverable: booleanOf(input.discoverable, "discoverable"),
    indexable: booleanOf(input.indexable, "indexable"),
    hideCollections: booleanOf(input.hide_collections, "hide_collections"),
    visibility: source?.privacy === undefined ? undefined : visibilityCode(visibilityIn(source.privacy)),
    sensitive: booleanOf(source?.sensitive, "source[sensitive]"),
    language: source?.language === "" ? null : source?.language,
  };
}

function fileOf(input: unknown, name: string): UploadedFile | null {
  if (input === undefined || input === null || input === "") return null;
  const file = input as Partial<UploadedFile>;
  if (!Buffer.isBuffer(file.bytes)) throw new Invalid(`${name} must be a file in a multipart body`);
  return { filename: file.filename ?? "", bytes: file.bytes };
}

/** `[{name, value}]`, or the same as an object of places, as forms send it. Rows with neither are dropped. */
function fieldsOf(input: unknown): { name: string; value: string }[] | undefined {
  if (input === undefined) return undefined;
  if (typeof input !== "object" || input === null)
    throw new Invalid("fields_attributes must be a list of fields");
  return Object.values(input as Record<string, unknown>).flatMap((field) => {
    const { name, value } = (field ?? {}) as { name?: unknown; value?: unknown };
    const cleaned = { name: cleanInput(`${name ?? ""}`).trim(), value: cleanInput(`${value ?? ""}`).trim() };
    return cleaned.name === "" && cleaned.value === "" ? [] : [cleaned];
  });
}
