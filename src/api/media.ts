import Type from "typebox";
import { Invalid } from "../core/errors.ts";
import { describeMedia, type MediaAttachmentRow, requireMedia, uploadImage } from "../media/upload.ts";
import { cleanInput } from "../statuses/text.ts";
import { type App, signedIn } from "./app.ts";
import type { ApiContext } from "./context.ts";
import { MediaAttachment } from "./entities/media-attachment.ts";
import { mediaEntity } from "./entities/status.ts";
import { FileInput, refusing } from "./input.ts";
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
      if (row.status_id !== null) await context.relations.invalidate({ statuses: [row.status_id] });
      return entity(row);
    },
  });
}

function descriptionOf(input: string | null | undefined): string | null | undefined {
  if (input === undefined || input === null) return input;
  const text = cleanInput(input).trim();
  return text === "" ? null : text;
}

/** "x,y", each between -1 and 1: which part of the image must stay in sight when it's cropped. */
function focusOf(input: string | undefined): { x: number; y: number } | undefined {
  if (input === undefined || input === "") return undefined;
  const [x, y] = input.split(",").map(Number);
  if (x === undefined || y === undefined || !(Math.abs(x) <= 1) || !(Math.abs(y) <= 1)) {
    throw new Invalid("focus must be two numbers between -1 and 1, such as 0.0,0.5");
  }
  return { x, y };
}
