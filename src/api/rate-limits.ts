/** How much one account, token or address may ask for. Said on every answer, so that clients can pace themselves. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { RateLimiterRes } from "rate-limiter-flexible";
import { RateLimited } from "../core/errors.ts";
import type { MakeLimiter } from "../core/limits.ts";
import type { Metrics } from "../core/telemetry/metrics.ts";

/** A classroom, an office or a carrier's network is one address: what counts by address leaves room for 50 people. */
const LIMITS = {
  /** Of a signed-in account, over all its apps. */
  account: { points: 1500, duration: 300 },
  /** Of an address without a token. */
  address: { points: 3000, duration: 300 },
  media: { points: 30, duration: 1800 },
  delete: { points: 30, duration: 1800 },
  signUp: { points: 60, duration: 1800 },
  appRegistration: { points: 60, duration: 600 },
  /** Wrong passwords have limits of their own: `oauth/sign-in-attempts.ts`. */
  signIn: { points: 200, duration: 300 },
} as const;

type LimitName = keyof typeof LIMITS;

export function limitRates(app: FastifyInstance, metrics: Metrics, makeLimiter: MakeLimiter): void {
  const limiters = new Map(
    Object.entries(LIMITS).map(([name, limit]) => [name as LimitName, makeLimiter(name, limit)]),
  );
  app.addHook("preValidation", async (request, reply) => {
    if (!request.url.startsWith("/api/") && !request.url.startsWith("/oauth/")) return;
    const accountId = request.viewer?.accountId;
    const general = accountId === null || accountId === undefined ? "address" : "account";
    const key = general === "account" ? `${accountId}` : request.ip;
    await consume(general, key, reply);
    const { limit } = request.routeOptions.config;
    if (limit) await consume(limit, accountId ? `${accountId}` : request.ip, reply);
  });

  async function consume(name: LimitName, key: string, reply: FastifyReply): Promise<void> {
    const limiter = limiters.get(name);
    if (!limiter) return;
    try {
      describe(reply, name, await limiter.consume(key));
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused;
      describe(reply, name, refused);
      metrics.shed.inc({ reason: "rate_limit" });
      throw new RateLimited("Too many requests", { retryAfterMs: refused.msBeforeNext });
    }
  }
}

function describe(reply: FastifyReply, name: LimitName, result: RateLimiterRes): void {
  // Six digits of a second, as clients of Mastodon parse it.
  const reset = new Date(result.msBeforeNext + performance.timeOrigin + performance.now()).toISOString();
  reply.header("X-RateLimit-Limit", LIMITS[name].points);
  reply.header("X-RateLimit-Remaining", result.remainingPoints);
  reply.header("X-RateLimit-Reset", `${reset.slice(0, -1)}000Z`);
}

/** Where limits are off, answers say so in the same headers. */
export function describeNoLimits(request: FastifyRequest, reply: FastifyReply): void {
  if (request.url.startsWith("/api/")) reply.headers(NO_LIMITS);
}

const NO_LIMITS = {
  "X-RateLimit-Limit": LIMITS.account.points,
  "X-RateLimit-Remaining": LIMITS.account.points,
  "X-RateLimit-Reset": "2100-01-01T00:00:00.000000Z",
};
