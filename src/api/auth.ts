/** Token → viewer, before anything else of a request is looked at; then what its route demands. */
import type { FastifyRequest } from "fastify";
import type { TokenCache } from "../accounts/tokens.ts";
import { Forbidden, Invalid, Unauthenticated } from "../core/errors.ts";
import type { AccountId } from "../core/ids.ts";
import { covers, type Viewer } from "../core/viewer.ts";
import type { App } from "./app.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Works for an account whose address isn't confirmed yet. */
    unconfirmed?: boolean;
  }
}

const INVALID = "The access token is invalid";

export function authentication(
  app: App,
  { tokens, onSeen }: { tokens: TokenCache; onSeen: (accountId: AccountId) => void },
): void {
  app.addHook("onRequest", async (request) => {
    const token = tokenOf(request);
    const { unconfirmed = false } = request.routeOptions.config;
    if (token !== null) request.viewer = await viewerOf(tokens, token, unconfirmed);
    demand(request);
    if (request.viewer?.accountId) onSeen(request.viewer.accountId);
  });
}

/** `Authorization: Bearer …`; streams may carry it in their address, since browsers can't set headers there. */
function tokenOf(request: FastifyRequest): string | null {
  const [scheme = "", inHeader = ""] = request.headers.authorization?.trim().split(/ +/) ?? [];
  // Basic is how apps name themselves to the token endpoint. Some clients send the scheme alone when signed out.
  if (scheme.toLowerCase() === "bearer" && inHeader !== "") return inHeader;
  if (!request.url.startsWith("/api/v1/streaming")) return null;
  const { access_token: asked } = request.query as { access_token?: unknown };
  // Browsers can set no header of a WebSocket but its protocol; the server echoes it.
  const token = asked ?? request.headers["sec-websocket-protocol"]?.split(",")[0]?.trim();
  return typeof token === "string" && token !== "" ? token : null;
}

/** Whether the token that a request came with is still good: asked again by what outlives its request. */
export async function tokenStands(tokens: TokenCache, request: FastifyRequest): Promise<boolean> {
  const token = tokenOf(request);
  return token !== null && (await tokens.get(token)) !== null;
}

async function viewerOf(tokens: TokenCache, token: string, unconfirmed: boolean): Promise<Viewer> {
  const known = await tokens.find(token);
  if (!known) throw new Unauthenticated(INVALID);
  if (known.state === "unconfirmed" && !unconfirmed) {
    throw new Forbidden(
      "Your login is missing a confirmed e-mail address: follow the link in the mail we sent you",
    );
  }
  return known.viewer;
}

function demand(request: FastifyRequest): void {
  const { scope, anonymous, appToken } = request.routeOptions.config;
  const { viewer } = request;
  if (viewer === null) {
    if (scope !== undefined && !anonymous) throw new Unauthenticated(INVALID);
    return;
  }
  if (scope === undefined) return;
  if (!covers(viewer.scopes, scope) && !coveredByFollow(viewer.scopes, scope)) {
    throw new Forbidden("This action is outside the authorized scopes");
  }
  if (viewer.accountId === null && !anonymous && !appToken) {
    throw new Invalid("This method requires an authenticated user");
  }
}

/** The old scope "follow" stands for these. */
function coveredByFollow(granted: readonly string[], needed: string): boolean {
  return granted.includes("follow") && /^(read|write):(follows|blocks|mutes)$/.test(needed);
}
