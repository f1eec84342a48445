import type { FastifyReply } from "fastify";
import Type, { type Static } from "typebox";
import { Invalid } from "../core/errors.ts";
import type { AccountId } from "../core/ids.ts";
import type { Db } from "../engines/database/pools.ts";
import {
  addListMembers,
  createList,
  deleteList,
  type List as ListOfAccounts,
  listsOf,
  type RepliesPolicy,
  removeListMembers,
  requireList,
  updateList,
} from "../relations/lists.ts";
import { ACCOUNT_LISTS } from "../relations/queries.ts";
import { pageOfRows } from "../statuses/collections.ts";
import { cleanInput } from "../statuses/text.ts";
import { requireAccount } from "./accounts.ts";
import { readStale, sendAccountPage } from "./answer.ts";
import { type App, signedIn } from "./app.ts";
import type { ApiContext } from "./context.ts";
import { Account } from "./entities/account.ts";
import { choiceOf, clampedInput, IdsInput, idsOf } from "./input.ts";
import { PagingQuery, pageOf } from "./paging.ts";
import { requireStatusId as requirePathId } from "./statuses.ts";

const IdParams = Type.Object({ id: Type.String() });

const List = Type.Object({
  id: Type.String(),
  title: Type.String(),
  replies_policy: Type.String(),
  exclusive: Type.Boolean(),
});

const ListInput = Type.Object({
  title: Type.Optional(Type.String()),
  replies_policy: Type.Optional(choiceOf<RepliesPolicy>(["list", "followed", "none"])),
  exclusive: Type.Optional(Type.Boolean()),
});

const MembersInput = Type.Object({ account_ids: Type.Optional(IdsInput) });
const MAX_MEMBERS = 5_000;
const MembersQuery = Type.Object({
  ...PagingQuery,
  limit: Type.Optional(
    clampedInput({ minimum: 0, maximum: MAX_MEMBERS }, "How many at most; 0: all, without pages"),
  ),
});
const Empty = Type.Object({});

export function listRoutes(app: App, context: ApiContext): void {
  /** Lists are their owner's alone: no one else writes to them, so the owner's writes are all that must be seen. */
  const readOwn = <T>(reply: FastifyReply, ownerId: AccountId, read: (db: Db) => Promise<T>) =>
    readStale(context, reply, [ownerId], ({ database, reading }) => database.readStale(reading, read));

  app.route({
    method: "GET",
    url: "/api/v1/lists",
    config: { scope: "read:lists" },
    schema: { summary: "One's lists", response: { 200: Type.Array(List) } },
    handler: async (request, reply) => {
      const { accountId } = signedIn(request);
      return (await readOwn(reply, accountId, (db) => listsOf(db, accountId))).map(listEntity);
    },
  });

  app.route({
    method: "GET",
    url: "/api/v1/accounts/:id/lists",
    config: { scope: "read:lists" },
    schema: {
      summary: "One's lists that an account is on",
      params: IdParams,
      response: { 200: Type.Array(List) },
    },
    handler: async (request, reply) => {
      const member = await requireAccount(context, request.params.id);
      const { accountId } = signedIn(request);
      return (await readOwn(reply, accountId, (db) => listsOf(db, accountId, member.id))).map(listEntity);
    },
  });

  app.route({
    method: "POST",
    url: "/api/v1/lists",
    config: { scope: "write:lists" },
    schema: { summary: "Make a list", body: ListInput, response: { 200: List } },
    handler: async (request) => {
      const change = changeOf(request.body);
      const title = change.title ?? "";
      return listEntity(
        await createList(context.relations, signedIn(request).accountId, { ...change, title }),
      );
    },
  });

  app.route({
    method: "GET",
    url: "/api/v1/lists/:id",
    config: { scope: "read:lists" },
    schema: { summary: "A list", params: IdParams, response: { 200: List } },
    handler: async (request, reply) => {
      const { accountId } = signedIn(request);
      const id = requirePathId(request.params.id);
      return listEntity(await readOwn(reply, accountId, (db) => requireList(db, accountId, id)));
    },
  });

  app.route({
    method: "PUT",
    url: "/api/v1/lists/:id",
    config: { scope: "write:lists" },
    schema: { summary: "Change a list", params: IdParams, body: ListInput, response: { 200: List } },
    handler: async (request) => {
      const id = requirePathId(request.params.id);
      const { accountId } = signedIn(request);
      return listEntity(await updateList(context.relations, accountId, id, changeOf(request.body)));
    },
  });

  app.route({
    method: "DELETE",
    url: "/api/v1/lists/:id",
    config: { scope: "write:lists" },
    schema: { summary: "Delete a list", params: IdParams, response: { 200: Empty } },
    handler: async (request) => {
      await deleteList(context.relations, signedIn(request).accountId, requirePathId(request.params.id));
      return {};
    },
  });

  app.route({
    method: "GET",
    url: "/api/v1/lists/:id/accounts",
    config: { scope: "read:lists" },
    schema: {
      summary: "A list's members",
      params: IdParams,
      querystring: MembersQuery,
      response: { 200: Type.Array(Account) },
    },
    handler: async (request, reply) => {
      const { accountId } = signedIn(request);
      const id = requirePathId(request.params.id);
      // 0 asks for all of them, as Mastodon has it.
      const isAll = request.query.limit === 0;
      const page = pageOf(isAll ? {} : request.query, { standard: isAll ? MAX_MEMBERS : 40, most: 80 });
      const rows = await readOwn(reply, accountId, async (db) => {
        const list = await requireList(db, accountId, id);
        return pageOfRows(db, ACCOUNT_LISTS.listMembers(list.id), page);
      });
      return sendAccountPage(context, request, reply, rows, page);
    },
  });

  for (const [method, change] of [
    ["POST", addListMembers],
    ["DELETE", removeListMembers],
  ] as const) {
    app.route({
      method,
      url: "/api/v1/lists/:id/accounts",
      config: { scope: "write:lists" },
      schema: {
        summary: method === "POST" ? "Put accounts on a list" : "Take accounts off a list",
        params: IdParams,
        body: MembersInput,
        response: { 200: Empty },
      },
      handler: async (request) => {
        const ids = idsOf(request.body.account_ids, "account_ids");
        if (ids.length === 0) throw new Invalid("account_ids must name at least one account");
        await change(context.relations, signedIn(request).accountId, requirePathId(request.params.id), ids);
        return {};
      },
    });
  }
}

function changeOf(input: Static<typeof ListInput>) {
  return {
    title: input.title === undefined ? undefined : cleanInput(input.title),
    repliesPolicy: input.replies_policy,
    exclusive: input.exclusive,
  };
}

function listEntity(list: ListOfAccounts): Static<typeof List> {
  return {
    id: `${list.id}`,
    title: list.title,
    replies_policy: list.repliesPolicy,
    exclusive: list.exclusive,
  };
}
