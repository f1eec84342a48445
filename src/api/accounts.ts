import Type, { type Static } from "typebox";
import { editProfile, type ProfileChange } from "../accounts/edit-profile.ts";
import type { Profile } from "../accounts/profiles.ts";
import { NotFound } from "../core/errors.ts";
import { type AccountId, MAX_ID } from "../core/ids.ts";
import { normaliseLanguage } from "../core/languages.ts";
import { RESULTS_MOST } from "../discovery/pages.ts";
import { findAccountId } from "../discovery/search.ts";
import { storeAvatar, storeHeader } from "../media/upload.ts";
import { authorizeAllRequests } from "../relations/follow.ts";
import { ACCOUNT_LISTS } from "../relations/queries.ts";
import { isBlockedBy } from "../statuses/access.ts";
import { authorStatuses, pageOfAccounts, pageOfRows } from "../statuses/collections.ts";
import { cleanInput } from "../statuses/text.ts";
import { VISIBILITIES, visibilityCode, visibilityOf } from "../statuses/visibility.ts";
import { readStale, sendAccountPage, sendAccounts, sendJson, sendTimeline } from "./answer.ts";
import { type App, signedIn } from "./app.ts";
import type { ApiContext } from "./context.ts";
import { Account } from "./entities/account.ts";
import { CredentialAccount, credentialAccount } from "./entities/credential-account.ts";
import { Status } from "./entities/status.ts";
import { choiceOf, clampedInput, FileInput, languageIn, refusing } from "./input.ts";
import { LimitInput, limitOf, PagingQuery, pageOf } from "./paging.ts";
import { findAccounts } from "./search.ts";
import { requireStatusId as requirePathId } from "./statuses.ts";

const IdParams = Type.Object({ id: Type.String() });
const Text = Type.Optional(Type.String());
const Flag = Type.Optional(Type.Boolean());
const File = Type.Optional(FileInput);

/** An update of all of a profile: more fields than a profile may have are counted, and refused, later. */
const MAX_FIELDS_READ = 100;
const PICTURE_TEXTS = "Descriptions of avatars and headers aren't supported by this server";

const ProfileInput = refusing(
  {
    attribution_domains: "Attribution of links isn't supported by this server",
    avatar_description: PICTURE_TEXTS,
    header_description: PICTURE_TEXTS,
  },
  {
    display_name: Text,
    note: Text,
    avatar: File,
    header: File,
    locked: Flag,
    bot: Flag,
    discoverable: Flag,
    indexable: Flag,
    hide_collections: Flag,
    fields_attributes: Type.Optional(
      Type.Array(Type.Object({ name: Text, value: Text }), { maxItems: MAX_FIELDS_READ }),
    ),
    source: Type.Optional(
      refusing(
        { quote_policy: "Quotes aren't supported by this server" },
        {
          privacy: Type.Optional(choiceOf(VISIBILITIES)),
          sensitive: Flag,
          language: Type.Optional(
            Type.Union([Type.String(), Type.Null()], {
              description: "A language code; null and nothing mean none",
            }),
          ),
        },
      ),
    ),
  },
);

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
        "posting:default:language": normaliseLanguage(row.default_language),
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
        limit: Type.Optional(LimitInput),
        offset: Type.Optional(
          clampedInput({ minimum: 0, maximum: RESULTS_MOST }, "How many to leave out, the best first"),
        ),
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
        offset: query.offset ?? 0,
        range: { from: 0n, below: MAX_ID },
        isFollowing: query.following ?? false,
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
        tagged: Text,
      }),
      response: { 200: Type.Array(Status) },
    },
    handler: async (request, reply) => {
      const { query } = request;
      const account = await requireAccount(context, request.params.id);
      const viewerId = request.viewer?.accountId ?? null;
      const page = pageOf(query, { standard: 20, most: 40 });
      // Pinning isn't offered, so nothing is pinned.
      if (query.pinned) return sendTimeline(context, request, reply, []);
      const filter = {
        onlyMedia: query.only_media ?? false,
        excludeReplies: query.exclude_replies ?? false,
        excludeReblogs: query.exclude_reblogs ?? false,
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
        const isOwn = viewerId === account.id;
        const isHidden =
          !isOwn && (account.hideCollections || (await isBlockedBy(context.statuses, viewerId, account.id)));
        const rows = await readStale(context, reply, [viewerId, account.id], async ({ database, reading }) =>
          isHidden
            ? []
            : pageOfAccounts(context.statuses, isOwn ? null : viewerId, page, (part) =>
                database.readStale(reading, (db) => pageOfRows(db, ACCOUNT_LISTS[list](account.id), part)),
              ),
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
  const { avatar, header, source } = input;
  const upload = { database: context.database, store: context.mediaStore };
  const pictures = {
    ...(avatar ? await storeAvatar(upload, accountId, avatar.bytes) : {}),
    ...(header ? await storeHeader(upload, accountId, header.bytes) : {}),
  };
  return {
    ...pictures,
    displayName: input.display_name === undefined ? undefined : cleanInput(input.display_name).trim(),
    note: input.note === undefined ? undefined : cleanInput(input.note),
    fields: fieldsOf(input.fields_attributes),
    locked: input.locked,
    bot: input.bot,
    discoverable: input.discoverable,
    indexable: input.indexable,
    hideCollections: input.hide_collections,
    visibility: source?.privacy === undefined ? undefined : visibilityCode(source.privacy),
    sensitive: source?.sensitive,
    language: source?.language === undefined ? undefined : languageIn(source.language, "source[language]"),
  };
}

/** Rows with neither name nor value are dropped. */
function fieldsOf(
  input: Static<typeof ProfileInput>["fields_attributes"],
): { name: string; value: string }[] | undefined {
  return input?.flatMap(({ name = "", value = "" }) => {
    const cleaned = { name: cleanInput(name).trim(), value: cleanInput(value).trim() };
    return cleaned.name === "" && cleaned.value === "" ? [] : [cleaned];
  });
}
