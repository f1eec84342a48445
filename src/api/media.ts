import Type from "typebox";
import { Invalid } from "../core/errors.ts";
import { deleteMedia, deleteNow } from "../media/expiry.ts";
import { describeMedia, type MediaAttachmentRow, requireMedia, uploadImage } from "../media/upload.ts";
import { type App, signedIn } from "./app.ts";
import type { ApiContext } from "./context.ts";
import { MediaAttachment } from "./entities/media-attachment.ts";
import { mediaEntity } from "./entities/status.ts";
import { descriptionOf, FileInput, focusOf, refusing } from "./input.ts";
import { requireStatusId as requirePathId } from "./statuses.ts";

const IdParams = Type.Object({ id: Type.String() });
const THUMBNAILS = { thumbnail: "Thumbnails are made by this server" };
const Description = {
  description: Type.Optional(Type.Union([Type.String(), Type.Null()], { description: "null takes it away" })),
  focus: Type.Optional(Type.String()),
};
const UploadInput = refusing(THUMBNAILS, { file: Type.Optional(FileInput), ...Description });
const DescriptionInput = refusing(THUMBNAILS, Description);

export function mediaRoutes(app: App, context: ApiContext): void {
  const { database } = context;
  const entity = (row: MediaAttachmentRow) => mediaEntity({ ...row, id: `${row.id}` }, context.urls);

  for (const url of ["/api/v1/media", "/api/v2/media"]) {
    app.route({
      method: "POST",
      url,
      config: { scope: "write:media", limit: "media" },
      schema: {
        summary: "Upload an image",
        consumes: ["multipart/form-data"],
        body: UploadInput,
        response: { 200: MediaAttachment },
      },
      handler: async (request) => {
        const { file } = request.body;
        if (file === undefined) throw new Invalid("Validation failed: File can't be blank");
        const row = await uploadImage({ database, store: context.mediaStore }, signedIn(request).accountId, {
          bytes: file.bytes,
          description: descriptionOf(request.body.description) ?? null,
          focus: focusOf(request.body.focus) ?? null,
        });
        return entity(row);
      },
    });
  }

  app.route({
    method: "GET",
    url: "/api/v1/media/:id",
    config: { scope: "write:media" },
    schema: { summary: "An uploaded image", params: IdParams, response: { 200: MediaAttachment } },
    handler: async (request) => {
      return entity(
        await requireMedia(database, signedIn(request).accountId, requirePathId(request.params.id)),
      );
    },
  });

  app.route({
    method: "PUT",
    url: "/api/v1/media/:id",
    config: { scope: "write:media" },
    schema: {
      summary: "Describe an uploaded image",
      description: "404 once a status has it: then its description and focus change by editing the status.",
      params: IdParams,
      body: DescriptionInput,
      response: { 200: MediaAttachment },
    },
    handler: async (request) => {
      const id = requirePathId(request.params.id);
      const row = await describeMedia(database, signedIn(request).accountId, id, {
        description: descriptionOf(request.body.description),
        focus: focusOf(request.body.focus),
      });
      return entity(row);
    },
  });

  app.route({
    method: "DELETE",
    url: "/api/v1/media/:id",
    config: { scope: "write:media", limit: "delete" },
    schema: {
      summary: "Delete an uploaded image",
      description: "At once, files included. 422 while a status has it, or the history of one.",
      params: IdParams,
      response: { 200: Type.Object({}) },
    },
    handler: async (request) => {
      const { accountId } = signedIn(request);
      const keys = await deleteMedia(database, accountId, requirePathId(request.params.id));
      await deleteNow(context.expiry, database, accountId, keys);
      return {};
    },
  });
}
