import Type from "typebox";
import type { AccountId, StatusId } from "../core/ids.ts";
import { requireVisible } from "../statuses/access.ts";
import { boost, unboost } from "../statuses/boost.ts";
import {
  favouritedBy,
  type Marked,
  markedStatuses,
  pageOfAccounts,
  rebloggedBy,
} from "../statuses/collections.ts";
import type { StatusesContext } from "../statuses/context.ts";
import { bookmark, favourite, unbookmark, unfavourite } from "../statuses/favourite.ts";
import type { StatusRecord } from "../statuses/records.ts";
import { linkRows, readStale, sendAccountPage, sendStatus, sendStatuses } from "./answer.ts";
import { type App, signedIn } from "./app.ts";
import type { ApiContext } from "./context.ts";
import { Account } from "./entities/account.ts";
import { Status } from "./entities/status.ts";
import { choiceOf } from "./input.ts";
import { PagingQuery, pageOf } from "./paging.ts";
import { requireStatusId } from "./statuses.ts";

/** Nobody else sees what is direct: there would be nothing to boost. */
const BOOST_VISIBILITIES = ["public", "unlisted", "private"] as const;
const IdParams = Type.Object({ id: Type.String() });

interface Action {
  readonly name: string;
  readonly scope: string;
  readonly summary: string;
  readonly run: (context: StatusesContext, accountId: AccountId, id: StatusId) => Promise<StatusRecord>;
}

const ACTIONS: readonly Action[] = [
  { name: "favourite", scope: "write:favourites", summary: "Favourite a status", run: favourite },
  { name: "unfavourite", scope: "write:favourites", summary: "Take a favourite back", run: unfavourite },
  { name: "bookmark", scope: "write:bookmarks", summary: "Bookmark a status", run: bookmark },
  { name: "unbookmark", scope: "write:bookmarks", summary: "Remove a bookmark", run: unbookmark },
  { name: "unreblog", scope: "write:statuses", summary: "Take a boost back", run: unboost },
];

export function statusActionRoutes(app: App, context: ApiContext): void {
  for (const action of ACTIONS) {
    app.route({
      method: "POST",
      url: `/api/v1/statuses/:id/${action.name}`,
      config: { scope: action.scope },
      schema: { summary: action.summary, params: IdParams, response: { 200: Status } },
      handler: async (request, reply) => {
        const id = requireStatusId(request.params.id);
        const record = await action.run(context.statuses, signedIn(request).accountId, id);
        return sendStatus(context, request, reply, record);
      },
    });
  }

  app.route({
    method: "POST",
    url: "/api/v1/statuses/:id/reblog",
    config: { scope: "write:statuses" },
    schema: {
      summary: "Boost a status; the answer is the boost",
      params: IdParams,
      body: Type.Object({ visibility: Type.Optional(choiceOf(BOOST_VISIBILITIES)) }),
      response: { 200: Status },
    },
    handler: async (request, reply) => {
      const { visibility = "public" } = request.body;
      const id = requireStatusId(request.params.id);
      const record = await boost(context.statuses, signedIn(request).accountId, id, visibility);
      return sendStatus(context, request, reply, record);
    },
  });

  for (const [url, load] of [
    ["reblogged_by", rebloggedBy],
    ["favourited_by", favouritedBy],
  ] as const) {
    app.route({
      method: "GET",
      url: `/api/v1/statuses/:id/${url}`,
      config: { anonymous: true, scope: "read:accounts" },
      schema: {
        summary: url === "reblogged_by" ? "Who boosted a status" : "Who favourited a status",
        params: IdParams,
        querystring: Type.Object(PagingQuery),
        response: { 200: Type.Array(Account) },
      },
      handler: async (request, reply) => {
        const id = requireStatusId(request.params.id);
        const viewerId = request.viewer?.accountId ?? null;
        const { facts } = await requireVisible(context.statuses, id, viewerId);
        const page = pageOf(request.query, { standard: 40, most: 80 });
        const rows = await readStale(context, reply, [viewerId], (source) =>
          pageOfAccounts(context.statuses, viewerId, page, (part) =>
            load(source, facts.reblogOfId ?? facts.id, part),
          ),
        );
        return sendAccountPage(context, request, reply, rows, page);
      },
    });
  }

  for (const table of ["favourites", "bookmarks"] satisfies Marked[]) {
    app.route({
      method: "GET",
      url: `/api/v1/${table}`,
      config: { scope: `read:${table}` },
      schema: {
        summary: `One's own ${table}`,
        querystring: Type.Object(PagingQuery),
        response: { 200: Type.Array(Status) },
      },
      handler: async (request, reply) => {
        const page = pageOf(request.query, { standard: 20, most: 40 });
        const { accountId } = signedIn(request);
        const { rows, records } = await readStale(context, reply, [accountId], (source) =>
          markedStatuses({ ...context.statuses, ...source }, table, accountId, page),
        );
        linkRows(context, request, reply, rows, page.limit);
        return sendStatuses(context, request, reply, records);
      },
    });
  }
}
