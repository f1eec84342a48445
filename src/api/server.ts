/** The HTTP server: what holds for every request, in order, then the resources. */
import { randomUUID } from "node:crypto";
import cookie from "@fastify/cookie";
import cors from "@fastify/cors";
import Fastify, { type FastifyReply, LogController } from "fastify";
import type { Logger } from "pino";
import { NotFound } from "../core/errors.ts";
import { readOnlyRequest, runReadOnly } from "../core/read-only.ts";
import { ROLES, type Role } from "../core/roles.ts";
import { accountRoutes } from "./accounts.ts";
import { STALENESS_HEADER } from "./answer.ts";
import type { App } from "./app.ts";
import { authentication } from "./auth.ts";
import type { ApiContext } from "./context.ts";
import { answerError } from "./errors.ts";
import { acceptBodies, checkQuery, MAX_BODY_BYTES, parseRouterQuery } from "./http/body-parsing.ts";
import { compileSerializer, compileValidator } from "./http/compile-schemas.ts";
import { closeConnectionsAtStop } from "./http/stopping.ts";
import { instanceRoutes } from "./instance.ts";
import { listRoutes } from "./lists.ts";
import { mediaRoutes } from "./media.ts";
import { notificationRoutes } from "./notifications.ts";
import { oauthRoutes } from "./oauth/routes.ts";
import { documentApi } from "./openapi.ts";
import { opsRoutes } from "./ops.ts";
import { describeNoLimits, limitRates } from "./rate-limits.ts";
import { relationRoutes } from "./relations.ts";
import { searchRoutes } from "./search.ts";
import { statusActionRoutes } from "./status-actions.ts";
import { statusRoutes } from "./statuses.ts";
import { streamingRoutes } from "./streaming/routes.ts";
import { timelineRoutes } from "./timelines.ts";
import { serveWeb } from "./web.ts";

const REQUEST_TIMEOUT_MS = 60_000;

export async function buildServer(
  context: ApiContext,
  log: Logger,
  roles: ReadonlySet<Role> = new Set(ROLES),
): Promise<App> {
  const { config, metrics } = context;
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    trustProxy: config.trustedProxies.length > 0 ? [...config.trustedProxies] : false,
    genReqId: () => randomUUID(),
    // What no route could be found for: an address that can't be read.
    frameworkErrors: (error, _, reply) => {
      const answer = reply as unknown as FastifyReply;
      answer.code(error.statusCode ?? 400).send({ error: "The address can't be read: it isn't valid UTF-8" });
    },
    routerOptions: {
      ignoreTrailingSlash: true,
      querystringParser: parseRouterQuery,
      maxParamLength: 500,
    },
    // A listener that is asked to stop takes no more connections. What comes on those it has is answered: a balancer
    // that sent it did so before it could know.
    forceCloseConnections: "idle",
    return503OnClosing: false,
  }) as unknown as App;
  app.setValidatorCompiler(compileValidator).setSerializerCompiler(compileSerializer);

  app.decorateRequest("viewer", null);
  app.setErrorHandler((error: Error, request, reply) => answerError(error, request, reply));
  const headers = securityHeaders(config.publicUrl);
  app.addHook("onRequest", async (request, reply) => {
    reply.header("X-Request-Id", request.id).header("X-Content-Type-Options", "nosniff");
    // What the others are for, JSON can't do.
    if (!request.url.startsWith("/api/v")) reply.headers(headers);
  });
  closeConnectionsAtStop(app);
  // Balancers keep connections. Told so, they send what comes next to a server that stays.
  let isClosing = false;
  app.addHook("preClose", async () => {
    isClosing = true;
  });
  app.addHook("onRequest", async (_, reply) => {
    if (isClosing || context.leaving.aborted) reply.header("Connection", "close");
  });
  app.addHook("onRequest", checkQuery);
  await app.register(cors, CORS);
  await app.register(cookie);
  await acceptBodies(app);
  markReadOnly(app, context);
  // Tokens are cached too: so this comes first.
  app.addHook("onRequest", async (request) => {
    if (READS_CACHES.test(request.routeOptions.url ?? "")) await context.catchUp();
  });
  authentication(app, {
    tokens: context.tokens,
    onSeen: (accountId) => context.activity.seen(accountId, context.clock.nowMs()),
  });
  if (config.rateLimits) limitRates(app, metrics, context.makeLimiter);
  else app.addHook("onRequest", async (request, reply) => describeNoLimits(request, reply));
  app.addHook("onResponse", async (request, reply) => {
    metrics.httpRequestSeconds.observe(
      {
        route: request.routeOptions.url ?? "none",
        method: request.method,
        status_class: `${Math.floor(reply.statusCode / 100)}xx`,
      },
      reply.elapsedTime / 1000,
    );
  });
  const { shards } = context.database;
  if (shards.canMove) {
    app.addHook("onRoute", (route) => {
      const { handler } = route;
      if (!route.url.startsWith("/api/v") || route.method === "GET" || route.method === "HEAD") return;
      route.handler = function (request, reply) {
        return shards.persist(async () => handler.call(this, request, reply));
      };
    });
  }
  if (roles.has("api")) await documentApi(app, config);
  for (const routes of resourcesOf(roles))
    await app.register(async (scope) => routes(scope as unknown as App, context));
  if (roles.has("api")) await serveWeb(app, context);
  else
    app.setNotFoundHandler(async () => {
      throw new NotFound();
    });
  return app;
}

/** Pages go on while the main database is away, and say for how long it has been. */
function markReadOnly(app: App, { database }: ApiContext): void {
  const { replicas } = database;
  if (!replicas) return;
  app.addHook("onRequest", (request, _, done) => {
    if (request.method !== "GET" && request.method !== "HEAD") done();
    else runReadOnly({ isDegraded: false, awayMs: replicas.primaryAwayMs }, done);
  });
  app.addHook("onSend", (_, reply, __, done) => {
    const awayMs = readOnlyRequest()?.awayMs ?? 0;
    if (awayMs > 0)
      reply.header(STALENESS_HEADER, Math.max(awayMs, Number(reply.getHeader(STALENESS_HEADER) ?? 0)));
    done();
  });
}

/** Who serves the API serves streams, too: a server by itself is complete. Workers tell how they are, and no more. */
function resourcesOf(roles: ReadonlySet<Role>) {
  if (roles.has("api")) return [...RESOURCES, streamingRoutes, opsRoutes];
  return roles.has("streaming") ? [streamingRoutes, opsRoutes] : [opsRoutes];
}

/** Not the web app's files, media, or what operators ask. */
const READS_CACHES = /^\/(api|oauth)\//;

const RESOURCES = [
  oauthRoutes,
  instanceRoutes,
  accountRoutes,
  relationRoutes,
  statusRoutes,
  statusActionRoutes,
  timelineRoutes,
  listRoutes,
  mediaRoutes,
  notificationRoutes,
  searchRoutes,
];

const CORS = {
  origin: "*",
  methods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
  allowedHeaders: ["Authorization", "Content-Type", "Idempotency-Key"],
  exposedHeaders: [
    "Link",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-Id",
    "Mastodon-Async-Refresh",
    STALENESS_HEADER,
  ],
  maxAge: 86_400,
};

/**
 * HTML in posts is sanitised; should something slip through, nothing of it may run. Made once: a library that puts them
 * together for each request takes as long as reading the timeline does.
 */
function securityHeaders(publicUrl: string): Record<string, string> {
  const policy = [
    "default-src 'self'",
    "img-src 'self' data: blob: https:",
    "media-src 'self' blob:",
    "style-src 'self' 'unsafe-inline'",
    "script-src 'self'",
    `connect-src 'self' ${publicUrl.replace(/^http/, "ws")}`,
    "object-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    "Content-Security-Policy": policy.join("; "),
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    // Media are shown by web clients on other origins.
    "Cross-Origin-Resource-Policy": "cross-origin",
    ...(publicUrl.startsWith("https:") ? { "Strict-Transport-Security": "max-age=31536000" } : {}),
  };
}
