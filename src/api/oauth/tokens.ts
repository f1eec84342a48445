/** Tokens: exchanging codes and credentials for them, and ending them. */
import type { FastifyReply, FastifyRequest } from "fastify";
import Type, { type Static } from "typebox";
import { authenticateApp, checkScopes, exchangeCode, type OAuthApp } from "../../accounts/apps.ts";
import { createAccessToken, revokeToken } from "../../accounts/tokens.ts";
import type { App } from "../app.ts";
import type { ApiContext } from "../context.ts";
import { Token, tokenEntity } from "../entities/token.ts";
import { listOf } from "./apps.ts";

const Text = Type.Optional(Type.String({ maxLength: 4_000 }));
const TokenRequest = Type.Object({
  grant_type: Text,
  client_id: Text,
  client_secret: Text,
  code: Text,
  redirect_uri: Text,
  code_verifier: Text,
  scope: Text,
});

export function tokenRoutes(app: App, context: ApiContext): void {
  const { db } = context.database;

  app.route({
    method: "POST",
    url: "/oauth/token",
    schema: {
      summary: "Exchange a code, or an app's credentials, for a token",
      body: TokenRequest,
      response: { 200: Token },
    },
    handler: async (request, reply) => {
      reply.header("Cache-Control", "no-store");
      const client = await clientOf(context, request);
      if (!client) {
        reply.header("WWW-Authenticate", 'Basic realm="Roost"');
        return refuse(reply, 401, "invalid_client", "The client is unknown, or its secret is wrong.");
      }
      const { grant_type } = request.body;
      if (grant_type === "authorization_code") return byCode(context, client, request.body, reply);
      if (grant_type === "client_credentials") return byCredentials(context, client, request.body, reply);
      const why = "grant_type must be authorization_code or client_credentials.";
      return refuse(reply, 400, "unsupported_grant_type", why);
    },
  });

  app.route({
    method: "POST",
    url: "/oauth/revoke",
    schema: {
      summary: "End a token",
      body: Type.Object({ client_id: Text, client_secret: Text, token: Text }),
      response: { 200: Type.Object({}) },
    },
    handler: async (request, reply) => {
      const client = await clientOf(context, request);
      const { token = "" } = request.body;
      const known = await context.tokens.find(token);
      if (!client || (known && known.viewer.appId !== client.id)) {
        return refuse(reply, 403, "unauthorized_client", "You are not authorized to revoke this token.");
      }
      const accountId = await revokeToken(db, token, client.id);
      // Streams of the token must close; the account's other apps open theirs again by themselves.
      const stale = accountId === null ? { appTokens: [client.id] } : { tokens: [accountId] };
      await context.relations.invalidate(stale);
      return {};
    },
  });
}

async function byCode(
  context: ApiContext,
  client: OAuthApp,
  body: Static<typeof TokenRequest>,
  reply: FastifyReply,
) {
  const result = await exchangeCode(context.database.db, client, {
    code: body.code ?? "",
    redirectUri: body.redirect_uri ?? client.redirectUris[0] ?? "",
    codeVerifier: body.code_verifier ?? null,
  });
  if ("token" in result) return tokenEntity(result, result.scopes);
  if (result.reusedBy !== null) await context.relations.invalidate({ tokens: [result.reusedBy] });
  const why = "The code is invalid, expired, used already, or was issued for another client or redirect URI.";
  return refuse(reply, 400, "invalid_grant", why);
}

async function byCredentials(
  context: ApiContext,
  client: OAuthApp,
  body: Static<typeof TokenRequest>,
  reply: FastifyReply,
) {
  const scopes = body.scope ? listOf([body.scope], /[\s+]+/) : ["read"];
  try {
    checkScopes(scopes, client);
  } catch (error) {
    return refuse(reply, 400, "invalid_scope", (error as Error).message);
  }
  const owner = { accountId: null, appId: client.id, scopes };
  return tokenEntity(await createAccessToken(context.database.db, owner), scopes);
}

/** The client by its credentials, in the body or by Basic authentication. */
async function clientOf(context: ApiContext, request: FastifyRequest): Promise<OAuthApp | null> {
  const body = (request.body ?? {}) as { client_id?: string; client_secret?: string };
  let { client_id: id = "", client_secret: secret = "" } = body;
  const [scheme = "", encoded = ""] = (request.headers.authorization ?? "").split(" ");
  if (scheme.toLowerCase() === "basic") {
    const [name = "", ...rest] = Buffer.from(encoded, "base64").toString().split(":");
    [id, secret] = [name, rest.join(":")];
  }
  return authenticateApp(context.database.db, id, secret);
}

/** OAuth's own form of an error; to the type checker it's whatever the route promised. */
function refuse(reply: FastifyReply, status: number, error: string, description: string): never {
  return reply.code(status).send({ error, error_description: description }) as never;
}
