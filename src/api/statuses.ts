import Type, { type Static } from "typebox";
import { Invalid, NotFound } from "../core/errors.ts";
import { requireId } from "../core/ids.ts";
import { normaliseLanguage } from "../core/languages.ts";
import { deleteNow } from "../media/expiry.ts";
import type { MediaChange } from "../media/upload.ts";
import { requireVisible } from "../statuses/access.ts";
import type { Draft } from "../statuses/draft.ts";
import { edit, versionsOf } from "../statuses/edit.ts";
import { publish } from "../statuses/publish.ts";
import { remove } from "../statuses/remove.ts";
import { spliceStatus, statusesJson } from "../statuses/splice.ts";
import { readThread } from "../statuses/thread.ts";
import { VISIBILITIES, visibilityOf } from "../statuses/visibility.ts";
import { requireOwn } from "../statuses/withheld.ts";
import { readStale, sendJson, sendStatus, sendStatuses } from "./answer.ts";
import { type App, signedIn } from "./app.ts";
import type { ApiContext } from "./context.ts";
import { Status } from "./entities/status.ts";
import { StatusEdit, StatusSource, statusEditEntity } from "./entities/status-edit.ts";
import {
  choiceOf,
  descriptionOf,
  focusOf,
  IdInput,
  IdsInput,
  idsOf,
  languageIn,
  optionalIdOf,
  refusing,
} from "./input.ts";

const IdParams = Type.Object({ id: Type.String() });
const Text = Type.Optional(Type.String());
const Flag = Type.Optional(Type.Boolean());
const MAX_MEDIA_READ = 100;
const POLLS = "Polls aren't supported by this server";
const QUOTES = "Quotes aren't supported by this server";

const StatusInput = refusing(
  {
    poll: POLLS,
    scheduled_at: "Scheduled posts aren't supported by this server",
    quoted_status_id: QUOTES,
    quote_id: QUOTES,
    quote_approval_policy: QUOTES,
  },
  {
    status: Text,
    spoiler_text: Text,
    sensitive: Flag,
    visibility: Type.Optional(choiceOf(VISIBILITIES)),
    language: Text,
    in_reply_to_id: Type.Optional(IdInput),
    media_ids: Type.Optional(IdsInput),
  },
);

const EditInput = refusing(
  { poll: POLLS, quote_approval_policy: QUOTES },
  {
    visibility: Type.Optional(
      Type.Unsafe<(typeof VISIBILITIES)[number]>({
        ...choiceOf(VISIBILITIES),
        description: "As it is; another is refused",
      }),
    ),
    status: Text,
    spoiler_text: Text,
    sensitive: Flag,
    language: Text,
    media_ids: Type.Optional(IdsInput),
    media_attributes: Type.Optional(
      Type.Array(
        refusing(
          { thumbnail: "Thumbnails are made by this server" },
          { id: IdInput, description: Text, focus: Text },
        ),
        { maxItems: MAX_MEDIA_READ },
      ),
    ),
  },
);

const DeleteInput = Type.Object({ delete_media: Flag });

const MAX_KEY_CHARACTERS = 255;

export function statusRoutes(app: App, context: ApiContext): void {
  const access = { ...context.statuses, database: context.database };

  app.route({
    method: "POST",
    url: "/api/v1/statuses",
    config: { scope: "write:statuses" },
    schema: { summary: "Publish a status", body: StatusInput, response: { 200: Status } },
    handler: async (request, reply) => {
      const viewer = signedIn(request);
      const record = await publish(context.statuses, {
        authorId: viewer.accountId,
        draft: await draftOf(context, viewer.accountId, request.body),
        application: viewer.application,
        idempotencyKey: keyOf(request.headers["idempotency-key"]),
      });
      context.splice.marks.knowNew(viewer.accountId, record.facts.id);
      return sendStatus(context, request, reply, record);
    },
  });

  app.route({
    method: "GET",
    url: "/api/v1/statuses",
    config: { anonymous: true, scope: "read:statuses" },
    schema: {
      summary: "Several statuses",
      querystring: Type.Object({ id: Type.Optional(IdsInput) }),
      response: { 200: Type.Array(Status) },
    },
    handler: async (request, reply) => {
      const ids = idsOf(request.query.id, "id").slice(0, 100);
      const found = await Promise.all(
        ids.map((id) => requireVisible(access, id, request.viewer?.accountId ?? null).catch(orNull)),
      );
      return sendStatuses(
        context,
        request,
        reply,
        found.filter((record) => record !== null),
      );
    },
  });

  app.route({
    method: "GET",
    url: "/api/v1/statuses/:id",
    config: { anonymous: true, scope: "read:statuses" },
    schema: { summary: "A status", params: IdParams, response: { 200: Status } },
    handler: async (request, reply) => {
      const id = requireStatusId(request.params.id);
      return sendStatus(
        context,
        request,
        reply,
        await requireVisible(access, id, request.viewer?.accountId ?? null),
      );
    },
  });

  app.route({
    method: "DELETE",
    url: "/api/v1/statuses/:id",
    config: { scope: "write:statuses", limit: "delete" },
    schema: {
      summary: "Delete a status; the answer has its source for a redraft",
      description: "Its media can be attached again for an hour. With delete_media they are gone at once.",
      params: IdParams,
      body: DeleteInput,
      response: { 200: Status },
    },
    handler: async (request, reply) => {
      const { accountId } = signedIn(request);
      const deletesMedia = request.body.delete_media ?? false;
      const record = await requireOwn(access, requireStatusId(request.params.id), accountId);
      const bytes = await spliceStatus(context.splice, record, accountId);
      const row = await context.splice.statuses.requireRow(record.facts.id);
      const keys = await remove(context.statuses, accountId, record.facts.id, { deletesMedia });
      await deleteNow(context.expiry, context.database, accountId, keys);
      const text = JSON.stringify(row.text);
      return sendJson(reply, Buffer.concat([bytes.subarray(0, -1), Buffer.from(`,"text":${text}}`)]));
    },
  });

  app.route({
    method: "PUT",
    url: "/api/v1/statuses/:id",
    config: { scope: "write:statuses" },
    schema: { summary: "Edit a status", params: IdParams, body: EditInput, response: { 200: Status } },
    handler: async (request, reply) => {
      const { body } = request;
      const change = {
        text: body.status ?? "",
        spoilerText: body.spoiler_text ?? "",
        sensitive: body.sensitive ?? false,
        language: body.language ? languageIn(body.language, "language") : undefined,
        mediaIds: body.media_ids === undefined ? undefined : idsOf(body.media_ids, "media_ids"),
        mediaChanges: mediaChangesOf(body.media_attributes),
      };
      const id = requireStatusId(request.params.id);
      const { accountId } = signedIn(request);
      if (body.visibility !== undefined) {
        const { facts } = await requireVisible(access, id, accountId);
        if (facts.visibility !== body.visibility)
          throw new Invalid(
            "Validation failed: Visibility can't be changed: delete the post and publish it anew",
          );
      }
      return sendStatus(context, request, reply, await edit(context.statuses, accountId, id, change));
    },
  });

  app.route({
    method: "GET",
    url: "/api/v1/statuses/:id/context",
    config: { anonymous: true, scope: "read:statuses" },
    schema: {
      summary: "What a status answers and what answers it",
      params: IdParams,
      response: { 200: Type.Object({ ancestors: Type.Array(Status), descendants: Type.Array(Status) }) },
    },
    handler: async (request, reply) => {
      const viewerId = request.viewer?.accountId ?? null;
      const record = await requireVisible(access, requireStatusId(request.params.id), viewerId);
      const thread = await readStale(context, reply, [viewerId], (source) =>
        readThread({ ...access, ...source }, record, viewerId),
      );
      const [ancestors, descendants] = await Promise.all([
        statusesJson(context.splice, thread.ancestors, viewerId),
        statusesJson(context.splice, thread.descendants, viewerId),
      ]);
      const pieces = ['{"ancestors":', ancestors, ',"descendants":', descendants, "}"];
      return sendJson(reply, Buffer.concat(pieces.map((piece) => Buffer.from(piece))));
    },
  });

  app.route({
    method: "GET",
    url: "/api/v1/statuses/:id/history",
    config: { anonymous: true, scope: "read:statuses" },
    schema: {
      summary: "All versions of a status",
      params: IdParams,
      response: { 200: Type.Array(StatusEdit) },
    },
    handler: async (request, reply) => {
      const viewerId = request.viewer?.accountId ?? null;
      const record = await requireVisible(access, requireStatusId(request.params.id), viewerId);
      const { authorId } = record.facts;
      const profile = await context.profiles.get(authorId);
      if (!profile) throw new NotFound();
      // The author's edits too: what was answered as the present version must be among them.
      const { row, versions } = await readStale(context, reply, [viewerId, authorId], (source) =>
        versionsOf(source, record.facts.id),
      );
      return versions.map((version) => statusEditEntity(version, row, profile, context.urls));
    },
  });

  app.route({
    method: "GET",
    url: "/api/v1/statuses/:id/source",
    config: { scope: "read:statuses" },
    schema: {
      summary: "A status's source text, for editing",
      params: IdParams,
      response: { 200: StatusSource },
    },
    handler: async (request) => {
      const { accountId } = signedIn(request);
      const { facts } = await requireVisible(access, requireStatusId(request.params.id), accountId);
      if (facts.authorId !== accountId) throw new NotFound();
      const row = await context.splice.statuses.requireRow(facts.id);
      return { id: `${row.id}`, text: row.text, spoiler_text: row.spoiler_text };
    },
  });
}

/** An id that can't be one is an unknown status, as clients expect of a path. */
export function requireStatusId(text: string): bigint {
  try {
    return requireId(text, "id");
  } catch {
    throw new NotFound();
  }
}

async function draftOf(
  context: ApiContext,
  accountId: bigint,
  body: Static<typeof StatusInput>,
): Promise<Draft> {
  const settings = (await context.profiles.get(accountId))?.row;
  return {
    text: body.status ?? "",
    spoilerText: body.spoiler_text ?? "",
    sensitive: body.sensitive ?? settings?.default_sensitive ?? false,
    visibility: body.visibility ?? visibilityOf(settings?.default_visibility ?? 0),
    language: body.language
      ? languageIn(body.language, "language")
      : normaliseLanguage(settings?.default_language ?? null),
    inReplyToId: optionalIdOf(body.in_reply_to_id, "in_reply_to_id"),
    mediaIds: idsOf(body.media_ids, "media_ids"),
  };
}

function keyOf(header: string | string[] | undefined): string | null {
  const key = Array.isArray(header) ? header[0] : header;
  if (!key) return null;
  if (key.length > MAX_KEY_CHARACTERS) {
    throw new Invalid(`Idempotency-Key can have ${MAX_KEY_CHARACTERS} characters at most`);
  }
  return key;
}

function mediaChangesOf(
  attributes: Static<typeof EditInput>["media_attributes"] = [],
): Map<bigint, MediaChange> {
  return new Map(
    attributes.map(({ id, description, focus }) => [
      requireId(id, "media_attributes"),
      { description: descriptionOf(description), focus: focusOf(focus) },
    ]),
  );
}

function orNull(error: unknown): null {
  if (error instanceof NotFound) return null;
  throw error;
}
