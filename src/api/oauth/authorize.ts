/** The authorization endpoint: who is asking, who is signed in, do they agree. */
import type { FastifyReply, FastifyRequest } from "fastify";
import Type, { type Static } from "typebox";
import { checkScopes, findApp, issueCode, type OAuthApp, OUT_OF_BAND } from "../../accounts/apps.ts";
import { AppError, Invalid } from "../../core/errors.ts";
import type { AccountId } from "../../core/ids.ts";
import type { App } from "../app.ts";
import type { ApiContext } from "../context.ts";
import { codePage, consentPage, messagePage } from "./pages.ts";
import { closeSession, openSession, requireOwnForm, sendPage } from "./visit.ts";

const Text = Type.Optional(Type.String({ maxLength: 4_000 }));
const AuthorizeQuery = Type.Object({
  response_type: Text,
  client_id: Text,
  redirect_uri: Text,
  scope: Text,
  state: Text,
  code_challenge: Text,
  code_challenge_method: Text,
  force_login: Text,
  lang: Text,
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
  const title = context.config.instance.title;
  const guarded = async (reply: FastifyReply, work: () => Promise<FastifyReply>) => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return sendPage(reply, messagePage(title, "This doesn't work", error.message), error.httpStatus);
    }
  };

  app.route({
    method: "GET",
    url: "/oauth/authorize",
    schema: { summary: "Ask a person to let an app in", querystring: AuthorizeQuery },
    handler: (request, reply) =>
      guarded(reply, async () => {
        const asked = await check(context, request.query);
        const session = await openSession(context, request, reply);
        const mustSignIn = session.accountId === null || request.query.force_login === "true";
        if (mustSignIn)
          return reply.redirect(`/oauth/sign-in?next=${encodeURIComponent(onward(request))}`, 303);
        const { accountId } = session;
        if (accountId !== null && isOurs(context, asked)) return grant(context, reply, asked, accountId);
        const profile = accountId === null ? undefined : await context.profiles.get(accountId);
        const page = consentPage(title, {
          app: asked.app,
          username: profile?.username ?? "",
          scopes: asked.scopes,
          target: targetOf(asked.redirectUri),
          csrfToken: session.csrfToken,
          query: request.query as Record<string, string>,
        });
        return sendPage(reply, page);
      }),
  });

  app.route({
    method: "POST",
    url: "/oauth/authorize",
    schema: { hide: true, body: Decision },
    handler: (request, reply) =>
      guarded(reply, async () => {
        const session = await requireOwnForm(context, request, request.body.csrf_token);
        const asked = await check(context, request.body);
        if (session.accountId === null) return reply.redirect("/oauth/sign-in", 303);
        if (request.body.decision === "allow") return grant(context, reply, asked, session.accountId);
        return refuse(context, reply, asked);
      }),
  });

  app.route({
    method: "POST",
    url: "/oauth/sign-out",
    schema: { hide: true, body: Type.Object({ csrf_token: Text }) },
    handler: (request, reply) =>
      guarded(reply, async () => {
        await requireOwnForm(context, request, request.body.csrf_token);
        await closeSession(context, request, reply);
        return reply.redirect("/", 303);
      }),
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
  const method = query.code_challenge_method ?? (query.code_challenge ? "plain" : "S256");
  if (query.code_challenge !== undefined && method !== "S256") {
    throw new Invalid("code_challenge_method must be S256", 400);
  }
  const scopes = (query.scope || "read").split(/[ +]+/).filter((scope) => scope !== "");
  checkScopes(scopes, found);
  return {
    app: found,
    redirectUri,
    scopes,
    state: query.state ?? null,
    codeChallenge: query.code_challenge ?? null,
  };
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
  const url = new URL(redirectUri);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  if (state !== null) url.searchParams.set("state", state);
  return url.href;
}

/** Our own web app: the code goes to our own pages, so there is nobody to consent to. */
function isOurs({ config }: ApiContext, { redirectUri }: Asked): boolean {
  return redirectUri !== OUT_OF_BAND && new URL(redirectUri).origin === config.publicUrl;
}

function targetOf(redirectUri: string): string {
  if (redirectUri === OUT_OF_BAND) return "a page with a code to copy";
  const { host, protocol } = new URL(redirectUri);
  return host === "" ? `the app that opens ${protocol} addresses` : host;
}

/** The same request again, once signed in. */
function onward(request: FastifyRequest): string {
  const url = new URL(request.url, "http://localhost");
  url.searchParams.delete("force_login");
  return `/oauth/authorize${url.search}`;
}
