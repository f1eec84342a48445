/** Registering apps, and what they can ask about themselves. */
import Type from "typebox";
import { findApp, type OAuthApp, registerApp } from "../../accounts/apps.ts";
import { clientIdOf } from "../../accounts/tokens.ts";
import { Invalid, Unauthenticated } from "../../core/errors.ts";
import type { App } from "../app.ts";
import type { ApiContext } from "../context.ts";

const Text = Type.Optional(Type.String({ maxLength: 4_000 }));
const Texts = Type.Optional(
  Type.Array(Type.String({ maxLength: 40_000 }), { maxItems: 1_000, description: "Or one text of several" }),
);

const Application = Type.Object({
  id: Type.String(),
  name: Type.String(),
  website: Type.Union([Type.String(), Type.Null()]),
  scopes: Type.Array(Type.String()),
  redirect_uri: Type.String(),
  redirect_uris: Type.Array(Type.String()),
  vapid_key: Type.String(),
});
const CredentialApplication = Type.Object({
  ...Application.properties,
  client_id: Type.String(),
  client_secret: Type.String(),
  client_secret_expires_at: Type.Integer(),
});

export function appRoutes(app: App, { database: { db } }: ApiContext): void {
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
        website: Type.Optional(Type.Union([Type.String({ maxLength: 2_000 }), Type.Null()])),
      }),
      response: { 200: CredentialApplication },
    },
    handler: async ({ body }) => {
      const { app: registered, clientSecret } = await registerApp(db, {
        name: body.client_name ?? "",
        website: body.website || null,
        redirectUris: listOf(body.redirect_uris, /\s+/),
        scopes: body.scopes === undefined ? ["read"] : listOf(body.scopes, /[\s,+]+/),
      });
      const credentials = { client_id: registered.clientId, client_secret: clientSecret };
      return { ...applicationOf(registered), ...credentials, client_secret_expires_at: 0 };
    },
  });

  app.route({
    method: "GET",
    url: "/api/v1/apps/verify_credentials",
    config: { anonymous: true, appToken: true },
    schema: { summary: "The app a token belongs to", response: { 200: Application } },
    handler: async ({ viewer }) => {
      if (!viewer) throw new Unauthenticated("The access token is invalid");
      const clientId = viewer.appId === null ? null : await clientIdOf(db, viewer.appId);
      const found = clientId === null ? null : await findApp(db, clientId);
      if (!found) throw new Invalid("This token belongs to no app: it was made on the server itself");
      return applicationOf(found);
    },
  });
}

function applicationOf(app: OAuthApp) {
  return {
    id: `${app.id}`,
    name: app.name,
    website: app.website,
    scopes: [...app.scopes],
    redirect_uri: app.redirectUris.join("\n"),
    redirect_uris: [...app.redirectUris],
    vapid_key: "",
  };
}

/** A list, or texts with something between their parts; each once. */
export function listOf(input: readonly string[] | undefined, separator: RegExp): string[] {
  const values = (input ?? []).flatMap((text) => text.split(separator));
  return [...new Set(values.map((value) => value.trim()).filter((value) => value !== ""))];
}
