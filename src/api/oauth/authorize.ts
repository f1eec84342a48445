/** The authorization endpoint: who is asking, who is signed in, do they agree. */
import type { FastifyReply, FastifyRequest } from "fastify";
import Type, { type Static } from "typebox";
import {
  checkScopes,
  findApp,
  issueCode,
  isWebClient,
  type OAuthApp,
  OUT_OF_BAND,
} from "../../accounts/apps.ts";
import { verifyPassword } from "../../accounts/credentials.ts";
import type { WebSession } from "../../accounts/sessions.ts";
import { Invalid } from "../../core/errors.ts";
import type { AccountId } from "../../core/ids.ts";
import type { App } from "../app.ts";
import type { ApiContext } from "../context.ts";
import { codePage, consentPage, messagePage } from "./pages.ts";
import { openSession, requireOwnForm, sendPage, startSession } from "./visit.ts";

const Text = Type.Optional(Type.String({ maxLength: 4_000 }));
const AuthorizeQuery = Type.Object({
  response_type: Text,
  client_id: Text,
  redirect_uri: Text,
  scope: Text,
  state: Text,
  code_challenge: Text,
  code_challenge_method: Text,
  force_login: Type.Optional(Type.Boolean()),
  login_hint: Text,
});
type AuthorizeQuery = Static<typeof AuthorizeQuery>;
const Decision = Type.Object({ ...AuthorizeQuery.properties, csrf_token: Text, decision: Text });

interface Asked {
  readonly app: OAuthApp;
  readonly redirectUri: string;
  readonly scopes: readonly string[];
  readonly state: string | null;
  readonly codeChallenge: string | null;
}

export function authorizeRoutes(app: App, context: ApiContext): void {
  app.route({
    method: "GET",
    url: "/oauth/authorize",
    schema: { summary: "Ask a person to let an app in", querystring: AuthorizeQuery },
    handler: async (request, reply) => {
      const asked = await check(context, request.query);
      const { accountId, csrfToken } = await visitOf(context, request, reply, asked);
      if (accountId === null || request.query.force_login)
        return reply.redirect(signInFor(request.query), 303);
      // The code goes to a page of our own: there is nobody to consent to.
      if (isWebClient(asked.app)) return grant(context, reply, asked, accountId);
      return askForConsent(context, reply, { asked, accountId, csrfToken, query: request.query });
    },
  });

  // Forms can't send DELETE, so they say what was decided; apps that bring their own form may.
  app.route({
    method: ["POST", "DELETE"],
    url: "/oauth/authorize",
    schema: { hide: true, body: Decision },
    handler: async (request, reply) => {
      const { accountId } = await requireOwnForm(context, request, request.body.csrf_token);
      const asked = await check(context, request.body);
      if (accountId === null) return reply.redirect(signInFor(request.body), 303);
      const allows = request.method === "POST" && request.body.decision === "allow";
      return allows ? grant(context, reply, asked, accountId) : refuse(context, reply, asked);
    },
  });
}

/**
 * Throws Invalid for a request that can't be granted. Nothing is ever sent to an address the app didn't register, so
 * these mistakes are shown here.
 */
async function check(context: ApiContext, query: AuthorizeQuery): Promise<Asked> {
  const found = query.client_id ? await findApp(context.database.db, query.client_id) : null;
  if (!found)
    throw new Invalid("The app that sent you here isn't known to this server: let it register again", 400);
  const redirectUri = query.redirect_uri ?? found.redirectUris[0] ?? "";
  if (!found.redirectUris.includes(redirectUri)) {
    throw new Invalid("The app asked to send you to an address that it didn't register", 400);
  }
  if (query.response_type !== "code") throw new Invalid("response_type must be code", 400);
  const scopes = (query.scope || "read").split(/[ +]+/).filter((scope) => scope !== "");
  checkScopes(scopes, found);
  const codeChallenge = challengeOf(query);
  // A code of a client without a secret is protected by nothing else.
  if (isWebClient(found) && codeChallenge === null) throw new Invalid("code_challenge can't be blank", 400);
  return { app: found, redirectUri, scopes, state: query.state ?? null, codeChallenge };
}

/** What a SHA-256 looks like in base64url. */
const CHALLENGE = /^[A-Za-z0-9_-]{43}$/;

/** RFC 7636, S256 alone. An app that began with PKCE must not end up without it because something was garbled. */
function challengeOf({ code_challenge, code_challenge_method }: AuthorizeQuery): string | null {
  if (code_challenge === undefined && code_challenge_method === undefined) return null;
  if (code_challenge_method !== "S256") throw new Invalid("code_challenge_method must be S256", 400);
  if (code_challenge === undefined || !CHALLENGE.test(code_challenge)) {
    throw new Invalid("code_challenge must be a SHA-256 in base64url: 43 characters", 400);
  }
  return code_challenge;
}

/**
 * The browser's session. On a demo whose password everybody knows anyway, the web app's link "Look around" signs in to
 * the demo's account by itself.
 */
async function visitOf(
  context: ApiContext,
  request: FastifyRequest<{ Querystring: AuthorizeQuery }>,
  reply: FastifyReply,
  { app }: Asked,
): Promise<WebSession> {
  const session = await openSession(context, request, reply);
  const { demo } = context.config;
  if (!demo || request.query.login_hint !== demo.login || !isWebClient(app)) return session;
  const found = await verifyPassword(context.database.db, demo.login, demo.password);
  return found ? startSession(context, request, reply, found.accountId) : session;
}

async function askForConsent(
  context: ApiContext,
  reply: FastifyReply,
  visit: { asked: Asked; accountId: AccountId; csrfToken: string; query: AuthorizeQuery },
): Promise<FastifyReply> {
  const { asked, accountId, csrfToken, query } = visit;
  const profile = await context.profiles.get(accountId);
  const page = consentPage(context.config.instance.title, {
    app: asked.app,
    username: profile?.username ?? "",
    scopes: asked.scopes,
    target: targetOf(asked.redirectUri),
    csrfToken,
    query: parametersOf(query),
    signInPath: signInFor(query),
  });
  return sendPage(reply, page);
}

async function grant(
  context: ApiContext,
  reply: FastifyReply,
  asked: Asked,
  accountId: AccountId,
): Promise<FastifyReply> {
  const code = await issueCode(context.database.db, {
    appId: asked.app.id,
    accountId,
    redirectUri: asked.redirectUri,
    scopes: asked.scopes,
    codeChallenge: asked.codeChallenge,
  });
  if (asked.redirectUri === OUT_OF_BAND) {
    return sendPage(reply, codePage(context.config.instance.title, code, asked.app.name));
  }
  return reply.redirect(withParameters(asked, { code }), 303);
}

function refuse(context: ApiContext, reply: FastifyReply, asked: Asked): FastifyReply {
  if (asked.redirectUri === OUT_OF_BAND) {
    const page = messagePage(context.config.instance.title, "Denied", `${asked.app.name} got no access.`);
    return sendPage(reply, page);
  }
  const why = { error: "access_denied", error_description: "The resource owner denied the request." };
  return reply.redirect(withParameters(asked, why), 303);
}

function withParameters({ redirectUri, state }: Asked, parameters: Record<string, string>): string {
  const all = { ...parameters, ...(state === null ? {} : { state }) };
  // The web client's redirect URI is a path, which browsers resolve against the address they asked.
  if (redirectUri.startsWith("/")) return `${redirectUri}?${new URLSearchParams(all)}`;
  const url = new URL(redirectUri);
  for (const [name, value] of Object.entries(all)) url.searchParams.set(name, value);
  return url.href;
}

function targetOf(redirectUri: string): string {
  if (redirectUri === OUT_OF_BAND) return "a page with a code to copy";
  const { host, protocol } = new URL(redirectUri);
  const isWeb = protocol === "http:" || protocol === "https:";
  return isWeb ? host : `the app that opens ${protocol} addresses`;
}

/** Only what the request is made of: an address may carry more, such as a decision. A forced sign-in is forced once. */
function parametersOf(query: AuthorizeQuery): Record<string, string> {
  const given = Object.keys(AuthorizeQuery.properties).map((name) => [
    name,
    query[name as keyof AuthorizeQuery],
  ]);
  return Object.fromEntries(given.filter(([, value]) => typeof value === "string"));
}

/** Signing in, then the same request again. */
function signInFor(query: AuthorizeQuery): string {
  const next = `/oauth/authorize?${new URLSearchParams(parametersOf(query))}`;
  return `/oauth/sign-in?next=${encodeURIComponent(next)}`;
}
