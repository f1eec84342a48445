import Type from "typebox";
import { Invalid } from "../core/errors.ts";
import type { AccountId } from "../core/ids.ts";
import { block, removeFollower, unblock } from "../relations/block.ts";
import { authorizeRequest, follow, rejectRequest, unfollow } from "../relations/follow.ts";
import { mute, unmute } from "../relations/mute.ts";
import { ACCOUNT_LISTS, familiarFollowers, relationships, setAccountNote } from "../relations/queries.ts";
import { pageOfAccounts, pageOfRows } from "../statuses/collections.ts";
import { cleanInput } from "../statuses/text.ts";
import { requireAccount } from "./accounts.ts";
import { linkRows, readStale, sendAccountPage } from "./answer.ts";
import { type App, signedIn } from "./app.ts";
import type { ApiContext } from "./context.ts";
import { Account, MutedAccount } from "./entities/account.ts";
import { Relationship, relationshipEntity } from "./entities/relationship.ts";
import { IdsInput, idsOf, refusing } from "./input.ts";
import { PagingQuery, pageOf } from "./paging.ts";

const IdParams = Type.Object({ id: Type.String() });
const MAX_NOTE_CHARACTERS = 2_000;
const MAX_MUTE_SECONDS = 10 * 365 * 24 * 3600;
const FAMILIAR_SHOWN = 10;

const Flag = Type.Optional(Type.Boolean());
const NoInput = Type.Object({});
const FollowInput = refusing(
  { languages: "Following only some languages isn't supported by this server" },
  { reblogs: Flag, notify: Flag },
);
const MuteInput = Type.Object({
  notifications: Flag,
  duration: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_MUTE_SECONDS })),
});
const NoteInput = Type.Object({ comment: Type.Optional(Type.String()) });
type RelationInput = Type.Static<typeof FollowInput> &
  Type.Static<typeof MuteInput> &
  Type.Static<typeof NoteInput>;

interface Change {
  readonly name: string;
  readonly scope: string;
  readonly summary: string;
  readonly body?: Type.TObject;
  readonly run: (
    context: ApiContext,
    viewerId: AccountId,
    targetId: AccountId,
    input: RelationInput,
  ) => Promise<void>;
}

const CHANGES: readonly Change[] = [
  {
    name: "follow",
    scope: "write:follows",
    summary: "Follow an account, or ask to when it's locked",
    body: FollowInput,
    run: (context, viewerId, targetId, input) =>
      follow(context.relations, viewerId, targetId, {
        showReblogs: input.reblogs,
        notify: input.notify,
      }),
  },
  {
    name: "unfollow",
    scope: "write:follows",
    summary: "Unfollow an account",
    run: (context, viewerId, targetId) => unfollow(context.relations, viewerId, targetId),
  },
  {
    name: "block",
    scope: "write:blocks",
    summary: "Block an account",
    run: (context, viewerId, targetId) => block(context.relations, viewerId, targetId),
  },
  {
    name: "unblock",
    scope: "write:blocks",
    summary: "Unblock an account",
    run: (context, viewerId, targetId) => unblock(context.relations, viewerId, targetId),
  },
  {
    name: "mute",
    scope: "write:mutes",
    summary: "Mute an account, for good or for some seconds",
    body: MuteInput,
    run: (context, viewerId, targetId, input) =>
      mute(context.relations, viewerId, targetId, {
        hideNotifications: input.notifications ?? true,
        durationSeconds: input.duration || null,
      }),
  },
  {
    name: "unmute",
    scope: "write:mutes",
    summary: "Unmute an account",
    run: (context, viewerId, targetId) => unmute(context.relations, viewerId, targetId),
  },
  {
    name: "remove_from_followers",
    scope: "write:follows",
    summary: "Make an account stop following",
    run: (context, viewerId, targetId) => removeFollower(context.relations, viewerId, targetId),
  },
  {
    name: "note",
    scope: "write:accounts",
    summary: "A private note on an account",
    body: NoteInput,
    run: async (context, viewerId, targetId, input) => {
      const comment = cleanInput(input.comment ?? "");
      if (comment.length > MAX_NOTE_CHARACTERS) {
        throw new Invalid(`A note can have ${MAX_NOTE_CHARACTERS} characters at most`);
      }
      await setAccountNote(context.database.db, viewerId, targetId, comment);
      await context.tellWrite(viewerId, "directory");
    },
  },
];

export function relationRoutes(app: App, context: ApiContext): void {
  const { db } = context.database;
  const relationshipOf = async (viewerId: AccountId, targetId: AccountId) => {
    const [row] = await relationships(db, context.clock, viewerId, [targetId]);
    if (!row) throw new Invalid("The account is gone", 400);
    return relationshipEntity(row);
  };

  for (const change of CHANGES) {
    app.route({
      method: "POST",
      url: `/api/v1/accounts/:id/${change.name}`,
      config: { scope: change.scope },
      schema: {
        summary: change.summary,
        params: IdParams,
        body: change.body ?? NoInput,
        response: { 200: Relationship },
      },
      handler: async (request) => {
        const { accountId } = signedIn(request);
        const target = await requireAccount(context, request.params.id);
        await change.run(context, accountId, target.id, request.body as RelationInput);
        return relationshipOf(accountId, target.id);
      },
    });
  }

  app.route({
    method: "GET",
    url: "/api/v1/accounts/relationships",
    config: { scope: "read:follows" },
    schema: {
      summary: "How one stands to some accounts",
      querystring: Type.Object({ id: Type.Optional(IdsInput) }),
      response: { 200: Type.Array(Relationship) },
    },
    handler: async (request, reply) => {
      const ids = [...new Set(idsOf(request.query.id, "id"))];
      const { accountId } = signedIn(request);
      const rows = await readStale(context, reply, [accountId], ({ database, reading }) =>
        database.readStale(reading, (db) => relationships(db, context.clock, accountId, ids)),
      );
      return rows.map(relationshipEntity);
    },
  });

  app.route({
    method: "GET",
    url: "/api/v1/accounts/familiar_followers",
    config: { scope: "read:follows" },
    schema: {
      summary: "Which of whom one follows also follow these accounts",
      querystring: Type.Object({ id: Type.Optional(IdsInput) }),
      response: { 200: Type.Array(Type.Object({ id: Type.String(), accounts: Type.Array(Account) })) },
    },
    handler: async (request, reply) => {
      const ids = idsOf(request.query.id, "id").slice(0, 40);
      const { accountId } = signedIn(request);
      const rows = await readStale(context, reply, [accountId], ({ database, reading }) =>
        database.readStale(reading, (db) => familiarFollowers(db, accountId, ids, FAMILIAR_SHOWN)),
      );
      const profiles = await context.profiles.getMany(rows.flatMap((row) => row.follower_ids));
      return rows.map((row) => ({
        id: `${row.target_id}`,
        accounts: row.follower_ids.flatMap((id) => {
          const profile = profiles.get(id);
          return profile ? [JSON.parse(profile.json.toString()) as Account] : [];
        }),
      }));
    },
  });

  for (const [url, list, scope] of [
    ["/api/v1/blocks", ACCOUNT_LISTS.blocks, "read:blocks"],
    ["/api/v1/follow_requests", ACCOUNT_LISTS.followRequests, "read:follows"],
  ] as const) {
    app.route({
      method: "GET",
      url,
      config: { scope },
      schema: {
        summary: "Accounts",
        querystring: Type.Object(PagingQuery),
        response: { 200: Type.Array(Account) },
      },
      handler: async (request, reply) => {
        const page = pageOf(request.query, { standard: 40, most: 80 });
        const { accountId } = signedIn(request);
        const rows = await readStale(context, reply, [accountId], ({ database, reading }) =>
          pageOfAccounts(context.statuses, null, page, (part) =>
            database.readStale(reading, (db) => pageOfRows(db, list(accountId), part)),
          ),
        );
        return sendAccountPage(context, request, reply, rows, page);
      },
    });
  }

  app.route({
    method: "GET",
    url: "/api/v1/mutes",
    config: { scope: "read:mutes" },
    schema: {
      summary: "Whom one mutes, and until when",
      querystring: Type.Object(PagingQuery),
      response: { 200: Type.Array(MutedAccount) },
    },
    handler: async (request, reply) => {
      const page = pageOf(request.query, { standard: 40, most: 80 });
      const { accountId } = signedIn(request);
      const rows = await readStale(context, reply, [accountId], ({ database, reading }) =>
        pageOfAccounts(context.statuses, null, page, (part) =>
          database.readStale(reading, (db) => pageOfRows(db, ACCOUNT_LISTS.mutes(accountId), part)),
        ),
      );
      linkRows(context, request, reply, rows, page.limit);
      const profiles = await context.profiles.getMany(rows.map((row) => row.id));
      const { mutedUntilMs } = await context.statuses.relations.of(accountId);
      return rows.flatMap(({ id }) => {
        const profile = profiles.get(id);
        if (!profile) return [];
        const untilMs = mutedUntilMs.get(id) ?? Number.POSITIVE_INFINITY;
        const mute_expires_at = Number.isFinite(untilMs) ? new Date(untilMs).toISOString() : null;
        return [{ ...(JSON.parse(profile.json.toString()) as Account), mute_expires_at }];
      });
    },
  });

  for (const [name, decide] of [
    ["authorize", authorizeRequest],
    ["reject", rejectRequest],
  ] as const) {
    app.route({
      method: "POST",
      url: `/api/v1/follow_requests/:id/${name}`,
      config: { scope: "write:follows" },
      schema: { summary: `${name} a follow request`, params: IdParams, response: { 200: Relationship } },
      handler: async (request) => {
        const { accountId } = signedIn(request);
        const requester = await requireAccount(context, request.params.id);
        await decide(context.relations, accountId, requester.id);
        return relationshipOf(accountId, requester.id);
      },
    });
  }
}
