/**
 * Addresses and bodies: JSON, urlencoded and multipart, all with Rails-style nesting, all UTF-8. The address and the
 * body of a request that writes are one set of parameters.
 */
import { isUtf8 } from "node:buffer";
import multipart from "@fastify/multipart";
import type { FastifyInstance, FastifyRequest } from "fastify";
import qs from "qs";
import { Invalid } from "../../core/errors.ts";
import { mergeParameters } from "./parameters.ts";

/** A file of a multipart body, in the place its field has in the body. */
export interface UploadedFile {
  readonly filename: string;
  readonly bytes: Buffer;
}

export const MAX_BODY_BYTES = 1024 * 1024;
export const MAX_UPLOAD_BYTES = 16 * 1024 * 1024;
const MAX_PARTS = 50;
const MAX_FILES = 4;

export const UNSUPPORTED_TYPE = "This content type isn't supported: send JSON, a form or multipart";
const MAX_PARAMETERS = 2_000;
const MAX_DEPTH = 4;

export function parseQuery(text: string): Record<string, unknown> {
  try {
    return qs.parse(numberElements(text), {
      depth: MAX_DEPTH,
      strictDepth: true,
      parameterLimit: MAX_PARAMETERS,
      arrayLimit: MAX_PARAMETERS,
      throwOnLimitExceeded: true,
      plainObjects: false,
      decoder: decode,
    }) as Record<string, unknown>;
  } catch (error) {
    if (error instanceof Invalid) throw error;
    throw new Invalid(
      `The request has too many parameters: ${MAX_PARAMETERS} are possible, nested ${MAX_DEPTH} deep`,
    );
  }
}

/**
 * `fields[][name]=a&fields[][value]=b&fields[][name]=c` → `fields[0][name]=a&fields[0][value]=b&fields[1][name]=c`: as
 * in Rack, a name that repeats begins the next element. qs would make one element of all.
 */
function numberElements(text: string): string {
  if (!/(\]|%5D)(\[|%5B)/i.test(text)) return text;
  const lists = new Map<string, { place: number; seen: Set<string> }>();
  const numbered = (name: string) => {
    let done = name;
    for (let at = done.indexOf("[]["); at !== -1; at = done.indexOf("[][", at)) {
      const [list, rest] = [done.slice(0, at), done.slice(at + 2)];
      const known = lists.get(list) ?? { place: 0, seen: new Set() };
      // What is itself a list repeats within its element.
      if (known.seen.has(rest) && !rest.includes("[]")) lists.set(list, next(known.place));
      else lists.set(list, known);
      lists.get(list)?.seen.add(rest);
      done = `${list}[${lists.get(list)?.place}]${rest}`;
    }
    return done;
  };
  const next = (place: number) => ({ place: place + 1, seen: new Set<string>() });
  const pairs = text.split("&").map((pair) => {
    const [name = "", ...value] = pair.split("=");
    return [numbered(withBrackets(name)), ...value].join("=");
  });
  return pairs.join("&");
}

function withBrackets(name: string): string {
  return name.replace(/%5B/gi, "[").replace(/%5D/gi, "]");
}

const MALFORMED = Symbol("malformed query");

/** For the router, which has nowhere to send an error to: what can't be parsed is marked; `checkQuery` refuses it. */
export function parseRouterQuery(text: string): Record<string, string> {
  try {
    return parseQuery(text) as Record<string, string>;
  } catch (error) {
    return { [MALFORMED]: error } as unknown as Record<string, string>;
  }
}

export async function checkQuery(request: FastifyRequest): Promise<void> {
  const { [MALFORMED]: error } = request.query as { [MALFORMED]?: Error };
  if (error) throw error;
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
        error ? done(new Invalid("The body isn't valid JSON", 400)) : done(null, exact(text, parsed)),
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
  // An empty body is none, whatever it is said to be: browsers call an empty text a text.
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_, body, done) => {
    if (body.length === 0) done(null, {});
    else done(new Invalid(UNSUPPORTED_TYPE, 415));
  });
  await app.register(multipart, {
    limits: {
      fileSize: MAX_UPLOAD_BYTES,
      fields: MAX_PARTS,
      files: MAX_FILES,
      parts: MAX_PARTS,
      fieldSize: MAX_BODY_BYTES,
    },
  });
  app.addHook("preValidation", async (request) => {
    if (request.isMultipart()) request.body = await readParts(request);
    else if (request.body === undefined || request.body === null) request.body = {};
    if (isWrite(request.method)) mergeAddress(request);
  });
  app.addHook("onRoute", ({ method, url, schema }) => {
    if (schema?.querystring && [method].flat().some(isWrite))
      throw new Error(`${url} writes: its parameters, also those of the address, are its body's`);
  });
}

function isWrite(method: string): boolean {
  return method !== "GET" && method !== "HEAD";
}

/** A body that is no object is left for its route to refuse. */
function mergeAddress(request: FastifyRequest): void {
  const { query, body } = request as { query: Record<string, unknown>; body: Record<string, unknown> };
  if (Object.keys(query).length === 0 || typeof body !== "object" || Array.isArray(body)) return;
  request.body = mergeParameters(query, body);
}

/** Numbers of so many digits aren't all there in JavaScript. */
const LONG_NUMBER = /[:[,]\s*-?\d{16}/;

/**
 * The same JSON, with the digits of those whole numbers that a number can't hold. Node before 21 doesn't give them, nor
 * does JSON that is nested without end: a number stays then, and who wants an id refuses it.
 */
function exact(text: string, parsed: unknown): unknown {
  if (!LONG_NUMBER.test(text)) return parsed;
  try {
    return JSON.parse(text, (_, value: unknown, context?: { source?: string }) => {
      const isLost = typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value);
      const source = isLost ? context?.source : undefined;
      return source !== undefined && /^-?\d+$/.test(source) ? source : value;
    });
  } catch {
    return parsed;
  }
}

async function readParts(request: FastifyRequest): Promise<Record<string, unknown>> {
  const fields: string[] = [];
  const whole: [string, unknown][] = [];
  try {
    for await (const part of request.parts()) {
      if (part.type === "file") {
        whole.push([part.fieldname, { filename: part.filename, bytes: await part.toBuffer() }]);
        // A part that says it is JSON has been parsed.
      } else if (typeof part.value === "object") whole.push([part.fieldname, part.value]);
      else fields.push(`${encodeURIComponent(part.fieldname)}=${encodeURIComponent(`${part.value}`)}`);
    }
  } catch (error) {
    const { code = "" } = error as { code?: string };
    if (code === "FST_REQ_FILE_TOO_LARGE") {
      throw new Invalid(`A file can have ${MAX_UPLOAD_BYTES / 1024 / 1024} MB at most`, 413);
    }
    if (/^FST_(PARTS|FIELDS|FILES)_LIMIT$/.test(code)) {
      throw new Invalid(
        `A multipart body can have ${MAX_PARTS} parts at most, ${MAX_FILES} of them files`,
        413,
      );
    }
    throw new Invalid("The multipart body can't be read: send it again, whole", 400);
  }
  // Names like media_ids[] are unfolded as in a urlencoded body.
  const body = parseQuery(fields.join("&"));
  for (const [name, value] of whole) if (name !== "__proto__") body[name] = value;
  return body;
}

function textOf(body: string | Buffer): string | Invalid {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  return isUtf8(bytes) ? bytes.toString("utf8") : new Invalid("The request isn't valid UTF-8", 400);
}
