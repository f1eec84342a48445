/** Request bodies and query strings: JSON, urlencoded and multipart, all with Rails-style nesting, all UTF-8. */
import { isUtf8 } from "node:buffer";
import multipart from "@fastify/multipart";
import type { FastifyInstance, FastifyRequest } from "fastify";
import qs from "qs";
import { Invalid } from "../../core/errors.ts";

/** A file of a multipart body, in the place its field has in the body. */
export interface UploadedFile {
  readonly filename: string;
  readonly bytes: Buffer;
}

export const MAX_BODY_BYTES = 1024 * 1024;
export const MAX_UPLOAD_BYTES = 16 * 1024 * 1024;
const MAX_PARTS = 50;

export function parseQuery(text: string): Record<string, unknown> {
  return qs.parse(text, {
    depth: 4,
    parameterLimit: 1_000,
    arrayLimit: 100,
    plainObjects: false,
    decoder: decode,
  }) as Record<string, unknown>;
}

const MALFORMED = Symbol("malformed query");

/** For the router, which has nowhere to send an error to: what can't be parsed is marked; `checkQuery` refuses it. */
export function parseRouterQuery(text: string): Record<string, string> {
  try {
    return parseQuery(text) as Record<string, string>;
  } catch {
    return { [MALFORMED]: true } as unknown as Record<string, string>;
  }
}

export async function checkQuery(request: FastifyRequest): Promise<void> {
  if (MALFORMED in (request.query as object)) throw new Invalid("The address isn't valid UTF-8", 400);
}

/** As qs's own, but what isn't UTF-8 is refused instead of kept as it stands. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw new Invalid("The request isn't valid UTF-8", 400);
  }
}

export async function acceptBodies(app: FastifyInstance): Promise<void> {
  app.removeAllContentTypeParsers();
  const parseJson = app.getDefaultJsonParser("error", "error");
  app.addContentTypeParser(
    /^application\/([\w.-]+\+)?json(;|$)/,
    { parseAs: "buffer" },
    (request, body, done) => {
      if (body.length === 0) return done(null, {});
      const text = textOf(body);
      if (text instanceof Invalid) return done(text);
      parseJson(request, text, (error, parsed) =>
        error ? done(new Invalid("The body isn't valid JSON", 400)) : done(null, parsed),
      );
    },
  );
  app.addContentTypeParser("application/x-www-form-urlencoded", { parseAs: "buffer" }, (_, body, done) => {
    const text = textOf(body);
    if (text instanceof Invalid) return done(text);
    try {
      done(null, parseQuery(text));
    } catch (error) {
      done(error as Error);
    }
  });
  await app.register(multipart, {
    limits: {
      fileSize: MAX_UPLOAD_BYTES,
      fields: MAX_PARTS,
      files: 4,
      parts: MAX_PARTS,
      fieldSize: MAX_BODY_BYTES,
    },
  });
  app.addHook("preValidation", async (request) => {
    if (request.isMultipart()) request.body = await readParts(request);
    else if (request.body === undefined || request.body === null) request.body = {};
  });
}

async function readParts(request: FastifyRequest): Promise<Record<string, unknown>> {
  const fields: string[] = [];
  const files: [string, UploadedFile][] = [];
  try {
    for await (const part of request.parts()) {
      if (part.type === "file") {
        files.push([part.fieldname, { filename: part.filename, bytes: await part.toBuffer() }]);
      } else fields.push(`${encodeURIComponent(part.fieldname)}=${encodeURIComponent(`${part.value}`)}`);
    }
  } catch (error) {
    if ((error as { code?: string }).code === "FST_REQ_FILE_TOO_LARGE") {
      throw new Invalid(`A file can have ${MAX_UPLOAD_BYTES / 1024 / 1024} MB at most`, 413);
    }
    throw new Invalid("The multipart body can't be read: send it again, whole", 400);
  }
  // Names like media_ids[] are unfolded as in a urlencoded body.
  const body = parseQuery(fields.join("&").replaceAll("%5B", "[").replaceAll("%5D", "]"));
  for (const [name, file] of files) body[name] = file;
  return body;
}

function textOf(body: string | Buffer): string | Invalid {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  return isUtf8(bytes) ? bytes.toString("utf8") : new Invalid("The request isn't valid UTF-8", 400);
}
