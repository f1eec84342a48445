/** The OpenAPI document, made of the routes' own schemas, and its browsable page, all from this server. */
import swagger from "@fastify/swagger";
import scalar from "@scalar/fastify-api-reference";
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
      const secured = scope && !anonymous ? { security: [{ token: [scope] }] } : {};
      return { schema: { tags: [tagOf(url)], ...secured, ...schema }, url };
    },
  });
  app.get("/api/openapi.json", { config: { anonymous: true }, schema: { hide: true } }, async () =>
    app.swagger(),
  );
  await app.register(scalar, {
    routePrefix: "/api/docs",
    configuration: { url: "/api/openapi.json", theme: "default", withDefaultFonts: false, telemetry: false },
    hooks: {
      onRequest: (_, reply, done) => {
        // The page brings its own script and styles, inline.
        reply.header(
          "Content-Security-Policy",
          "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'",
        );
        done();
      },
    },
  });
}

/** /api/v1/statuses/:id → statuses */
function tagOf(url: string): string {
  const [first, second, third] = url.split("/").filter((part) => part !== "");
  return first === "api" ? (third ?? second ?? "api") : (first ?? "web");
}
