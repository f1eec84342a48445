/** What browsers load: the web app, pictures people uploaded, and pictures drawn for those who did not. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
import type { FastifyReply, FastifyRequest } from "fastify";
import Type from "typebox";
import { NotFound } from "../core/errors.ts";
import { parseId } from "../core/ids.ts";
import type { App } from "./app.ts";
import type { ApiContext } from "./context.ts";
import { avatarSvg, headerSvg } from "./entities/default-pictures.ts";
import { isPage } from "./web-pages.ts";

const WEB_FOLDER = fileURLToPath(new URL("../../web/dist", import.meta.url));
const YEAR_SECONDS = 365 * 24 * 3600;
const IMMUTABLE = `public, max-age=${YEAR_SECONDS}, immutable`;
/** As that for browsers. Caches that others share ask again: a picture that was deleted must not stay with them. */
const ASKED_HOURLY = `${IMMUTABLE}, s-maxage=3600`;
/** Paths of the API: a miss there is JSON, never the web app. */
const NOT_PAGES =
  /^\/(api|oauth|auth|media|avatars|headers|assets|\.well-known|nodeinfo|metrics|livez|readyz|health|test)(\/|$|\?)/;
/** Files, such as /favicon.ico, that aren't there. The app's own addresses have no dots, but in people's names. */
const FILES = /^\/(?!@)[^?]*\.\w+\/?(\?|$)/;

export async function serveWeb(app: App, context: ApiContext): Promise<void> {
  serveMedia(app, context);
  servePictures(app);
  const hasWeb = existsSync(WEB_FOLDER);
  if (hasWeb) {
    await app.register(fastifyStatic, {
      root: WEB_FOLDER,
      index: false,
      // A folder is no file: the address of the outermost one is the app's.
      allowedPath: (path) => !path.endsWith("/"),
      // Compressed when the app is built: doing it for each request would cost more than all the rest of it.
      preCompressed: true,
      setHeaders: (reply, path) => {
        reply.header("Cache-Control", path.includes("/assets/") ? IMMUTABLE : "no-cache");
      },
    });
  }
  app.setNotFoundHandler(async (request, reply) => {
    if (!wantsPage(request)) throw new NotFound();
    if (!hasWeb) {
      return reply
        .type("text/plain")
        .send("The web app isn't built here: run `npm run build`, then start Roost again.");
    }
    // The app says that nothing is there; programs are told by the status.
    if (!(await isPage(context, reply, request.url))) reply.code(404);
    return sendShell(request, reply);
  });
}

/** As the build writes them beside each file, the smallest first. */
const COMPRESSED = [
  { name: "br", ending: ".br" },
  { name: "gzip", ending: ".gz" },
];

/** Read each time: the app may be built anew while the server runs. */
async function sendShell({ headers }: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const accepted = `${headers["accept-encoding"] ?? ""}`
    .split(",")
    .filter((one) => !/;\s*q=0(\.0*)?\s*$/.test(one))
    .map((one) => one.trim().split(";")[0]);
  const file = `${WEB_FOLDER}/index.html`;
  const encoding = COMPRESSED.find(({ name }) => accepted.includes(name));
  const compressed = encoding ? await readFile(file + encoding.ending).catch(() => null) : null;
  if (encoding && compressed) reply.header("Content-Encoding", encoding.name);
  return reply
    .headers({ "Cache-Control": "no-cache", Vary: "accept-encoding" })
    .type("text/html")
    .send(compressed ?? (await readFile(file)));
}

/**
 * Browsers name HTML; curl, and what looks whether an address answers, take anything. Programs that would rather have
 * JSON say so, and get what they can read.
 */
function wantsPage({ method, url, headers }: FastifyRequest): boolean {
  if ((method !== "GET" && method !== "HEAD") || headers.upgrade) return false;
  if (NOT_PAGES.test(url) || FILES.test(url)) return false;
  const { accept = "*/*" } = headers;
  return /text\/(html|\*)/.test(accept) || (/\*\/\*/.test(accept) && !/json/.test(accept));
}

function serveMedia(app: App, { mediaStore }: ApiContext): void {
  app.route({
    method: "GET",
    url: "/media/*",
    config: { anonymous: true },
    schema: { hide: true },
    handler: async (request, reply) => {
      const found = await mediaStore.get((request.params as { "*": string })["*"]);
      if (!found) throw new NotFound();
      // Keys are never used twice: whoever has the file has this one.
      const etag = `"${found.sizeBytes}"`;
      reply.headers({ "Cache-Control": ASKED_HOURLY, ETag: etag });
      if (request.headers["if-none-match"]?.includes(etag)) {
        found.body.destroy();
        return reply.code(304).send();
      }
      return reply
        .headers({
          "Content-Type": found.contentType,
          "Content-Length": found.sizeBytes,
          "Content-Security-Policy": "default-src 'none'; sandbox",
          "X-Content-Type-Options": "nosniff",
        })
        .send(found.body);
    },
  });
}

function servePictures(app: App): void {
  for (const [folder, draw] of [
    ["avatars", avatarSvg],
    ["headers", headerSvg],
  ] as const) {
    app.route({
      method: "GET",
      url: `/${folder}/:name`,
      config: { anonymous: true },
      schema: { hide: true, params: Type.Object({ name: Type.String() }) },
      handler: async (request, reply) => {
        const id = parseId(request.params.name.replace(/\.svg$/, ""));
        if (id === null) throw new NotFound();
        return reply
          .headers({
            "Cache-Control": "public, max-age=86400",
            "Content-Type": "image/svg+xml",
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
          })
          .send(draw(id));
      },
    });
  }
}
