/** OAuth for apps: registering, exchanging, revoking, and telling clients where all that is. */
import type { FastifyReply, FastifyRequest } from "fastify";
import Type, { type Static } from "typebox";
import {
  authenticateApp,
  checkScopes,
  exchangeCode,
  findApp,
  type OAuthApp,
  registerApp,
  SCOPES,
} from "../../accounts/apps.ts";
import { createAccessToken, revokeToken } from "../../accounts/tokens.ts";
import { Invalid, NotFound } from "../../core/errors.ts";
import { type App, signedIn } from "../app.ts";
import type { ApiContext } from "../context.ts";
import { Token, tokenEntity } from "../entities/token.ts";
import { authorizeRoutes } from "./authorize.ts";
import { signInRoutes } from "./sign-in.ts";
import { signUpRoutes } from "./sign-up.ts";

const Text = Type.Optional(Type.String({ maxLength: 4_000 }));
const Texts = Type.Optional(
  Type.Union([Type.String({ maxLength: 40_000 }), Type.Array(Type.String({ maxLength: 4_000 }))]),
);
const Anything = Type.Record(Type.String(), Type.Unknown());

const TokenRequest = Type.Object({
  grant_type: Text,
  client_id: Text,
  client_secret: Text,
  code: Text,
  redirect_uri: Text,
  code_verifier: Text,
  scope: Text,
});

export function oauthRoutes(app: App, context: ApiContext): void {
  metadataRoutes(app, context);
  appRoutes(app, context);
  tokenRoutes(app, context);
  authorizeRoutes(app, context);
  signInRoutes(app, context);
  signUpRoutes(app, context);
}

function metadataRoutes(app: App, { config, profiles }: ApiContext): void {
  const { publicUrl } = config;
  app.get("/.well-known/oauth-authorization-server", { schema: { hide: true } }, async () => ({
    issuer: `${publicUrl}/`,
    service_documentation: `${publicUrl}/api/docs`,
    authorization_endpoint: `${publicUrl}/oauth/authorize`,
    token_endpoint: `${publicUrl}/oauth/token`,
    app_registration_endpoint: `${publicUrl}/api/v1/apps`,
    revocation_endpoint: `${publicUrl}/oauth/revoke`,
    userinfo_endpoint: `${publicUrl}/oauth/userinfo`,
    scopes_supported: [...SCOPES],
    response_types_supported: ["code"],
    response_modes_supported: ["query"],
    grant_types_supported: ["authorization_code", "client_credentials"],
    token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
    code_challenge_methods_supported: ["S256"],
  }));

  app.route({
    method: "GET",
    url: "/oauth/userinfo",
    config: { scope: "profile" },
    schema: { summary: "Who a token belongs to", response: { 200: Anything } },
    handler: async (request) => {
      const profile = await profiles.get(signedIn(request).accountId);
      if (!profile) throw new NotFound();
      const account = JSON.parse(profile.json.toString()) as {
        url: string;
        display_name: string;
        avatar: string;
      };
      return {
        iss: `${publicUrl}/`,
        sub: account.url,
        name: account.display_name,
        preferred_username: profile.username,
        profile: account.url,
        picture: account.avatar,
      };
    },
  });
}

function appRoutes(app: App, { database }: ApiContext): void {
  app.route({
    method: "POST",
    url: "/api/v1/apps",
    config: { anonymous: true, limit: "appRegistration" },
    schema: {
      summary: "Register an app",
      body: Type.Object({
        client_name: Text,
        redirect_uris: Texts,
        scopes: Texts,
        website: Type.Optional(Type.Union([Type.String(), Type.Null()])),
      }),
      response: { 200: Anything },
    },
    handler: async (request) => {
      const { body } = request;
      const { app: registered, clientSecret } = await registerApp(database.db, {
        name: body.client_name ?? "",
        website: body.website || null,
        redirectUris: listOf(body.redirect_uris, /[\s]+/),
        scopes: body.scopes === undefined ? ["read"] : listOf(body.scopes, /[\s,+]+/),
      });
      return { ...appEntity(registered), client_secret: clientSecret, client_secret_expires_at: 0 };
    },
  });

  app.route({
    method: "GET",
    url: "/api/v1/apps/verify_credentials",
    config: { scope: "read", anonymous: true, appToken: true },
    schema: { summary: "The app a token belongs to", response: { 200: Anything } },
    handler: async (request) => {
      const { viewer } = request;
      const row = viewer?.appId
        ? await database.db
            .selectFrom("oauth_apps")
            .select("client_id")
            .where("id", "=", viewer.appId)
            .executeTakeFirst()
        : undefined;
      const found = row ? await findApp(database.db, row.client_id) : null;
      if (!found) throw new Invalid("This token belongs to no app");
      const { client_id: _, ...known } = appEntity(found);
      return known;
    },
  });
}

function tokenRoutes(app: App, context: ApiContext): void {
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
      if (!client)
        return refuse(reply, 401, "invalid_client", "The client is unknown, or its secret is wrong.");
      const { grant_type } = request.body;
      if (grant_type === "authorization_code") return byCode(context, client, request.body, reply);
      if (grant_type === "client_credentials") return byCredentials(context, client, request.body, reply);
      return refuse(
        reply,
        400,
        "unsupported_grant_type",
        "grant_type must be authorization_code or client_credentials.",
      );
    },
  });

  app.route({
    method: "POST",
    url: "/oauth/revoke",
    schema: {
      summary: "End a token",
      body: Type.Object({ client_id: Text, client_secret: Text, token: Text, token_type_hint: Text }),
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
      context.tokens.forgetToken(token);
      // Streams of the token must close; the account's other apps open theirs again by themselves.
      if (accountId !== null) await context.relations.invalidate({ tokens: [accountId] });
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
  const scopes = body.scope ? listOf(body.scope, /[\s+]+/) : ["read"];
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

function appEntity(app: OAuthApp) {
  return {
    id: `${app.id}`,
    name: app.name,
    website: app.website,
    scopes: app.scopes,
    redirect_uri: app.redirectUris.join("\n"),
    redirect_uris: app.redirectUris,
    client_id: app.clientId,
    vapid_key: "",
  };
}

function listOf(input: string | string[] | undefined, separator: RegExp): string[] {
  const values = input === undefined ? [] : Array.isArray(input) ? input : input.split(separator);
  return [...new Set(values.map((value) => value.trim()).filter((value) => value !== ""))];
}
