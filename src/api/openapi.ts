/** The OpenAPI document, made of the routes' own schemas, and its browsable page, all from this server. */
import swagger from "@fastify/swagger";
import Fastify, { type FastifyInstance, type FastifySchema } from "fastify";
import type { Config } from "../config.ts";
import type { App } from "./app.ts";
import { VERSION } from "./version.ts";

export async function documentApi(app: App, config: Config): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Roost",
        version: VERSION,
        description: "The Mastodon client API as this server offers it.",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      servers: [{ url: config.publicUrl }],
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
    },
    transform: ({ schema, url, route }) => {
      const { scope, anonymous } = route.config ?? {};
      // A token is looked at also where none is needed.
      const others = anonymous ? [{}] : [];
      const secured = scope ? { security: [...others, { token: [scope] }] } : {};
      const described = { tags: [tagOf(url)], consumes: MEDIA_TYPES, ...secured, ...schema };
      return { schema: route.method === "DELETE" ? inAddress(described) : described, url };
    },
  });
  app.get("/api/openapi.json", { config: { anonymous: true }, schema: { hide: true } }, async () =>
    app.swagger(),
  );
  let page: Promise<FastifyInstance> | null = null;
  for (const url of ["/api/docs", "/api/docs/*"]) {
    app.get(url, { config: { anonymous: true }, schema: { hide: true } }, async (request, reply) => {
      page ??= openPage();
      const { statusCode, headers, rawPayload } = await (await page).inject(request.url);
      return reply
        .code(statusCode)
        .headers(headers)
        .header("Content-Security-Policy", PAGE_POLICY)
        .send(rawPayload);
    });
  }
}

/** Parameters of requests that write are understood in all of these, and in the address. */
const MEDIA_TYPES = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"];

/** OpenAPI gives the body of a DELETE no meaning, and clients that are made from it send none. */
function inAddress({ body, ...schema }: FastifySchema): FastifySchema {
  return { ...schema, ...(body ? { querystring: body } : {}) };
}

/** The page brings its own script and styles, inline. */
const PAGE_POLICY =
  "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'";

/** A server of its own, never listening, from the first visit on: the page's script takes 23 MB, and few ever look. */
async function openPage(): Promise<FastifyInstance> {
  const { default: scalar } = await import("@scalar/fastify-api-reference");
  const page = Fastify();
  await page.register(scalar, {
    routePrefix: "/api/docs",
    configuration: {
      url: "/api/openapi.json",
      theme: "default",
      withDefaultFonts: false,
      telemetry: false,
      showDeveloperTools: "never",
      agent: { disabled: true },
      mcp: { disabled: true },
      hideClientButton: true,
    },
  });
  return page;
}

/** /api/v1/statuses/:id → statuses */
function tagOf(url: string): string {
  const [first, second, third] = url.split("/").filter((part) => part !== "");
  return first === "api" ? (third ?? second ?? "api") : (first ?? "web");
}
