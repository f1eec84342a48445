/** OAuth for apps and the pages for people: what there is, and where clients find it. */
import Type from "typebox";
import { SCOPES } from "../../accounts/apps.ts";
import { NotFound } from "../../core/errors.ts";
import { type App, signedIn } from "../app.ts";
import type { ApiContext } from "../context.ts";
import { appRoutes } from "./apps.ts";
import { authorizeRoutes } from "./authorize.ts";
import { Confirmations } from "./confirmations.ts";
import { signInRoutes, signUpPageRoutes } from "./sign-in.ts";
import { signUpRoutes } from "./sign-up.ts";
import { tokenRoutes } from "./tokens.ts";
import { answerErrorsAsPages } from "./visit.ts";

export async function oauthRoutes(app: App, context: ApiContext): Promise<void> {
  const signUpContext = { context, confirmations: new Confirmations(context) };
  metadataRoutes(app, context);
  userinfoRoutes(app, context);
  appRoutes(app, context);
  tokenRoutes(app, context);
  signUpRoutes(app, signUpContext);
  await app.register(async (scope) => {
    const pages = scope as unknown as App;
    answerErrorsAsPages(pages, context.config.instance.title);
    authorizeRoutes(pages, context);
    signInRoutes(pages, signUpContext);
    signUpPageRoutes(pages, signUpContext);
  });
}

const Texts = Type.Array(Type.String());
const Metadata = Type.Object({
  issuer: Type.String(),
  service_documentation: Type.String(),
  authorization_endpoint: Type.String(),
  token_endpoint: Type.String(),
  app_registration_endpoint: Type.String(),
  revocation_endpoint: Type.String(),
  userinfo_endpoint: Type.String(),
  scopes_supported: Texts,
  response_types_supported: Texts,
  response_modes_supported: Texts,
  grant_types_supported: Texts,
  token_endpoint_auth_methods_supported: Texts,
  code_challenge_methods_supported: Texts,
});

/** Known, so that apps that ask for everything can register; nothing here asks for them. */
const OPENS_NOTHING = new Set(
  "push read:filters read:me write:conversations write:filters write:reports".split(" "),
);

/** RFC 8414. */
function metadataRoutes(app: App, { config: { publicUrl } }: ApiContext): void {
  app.route({
    method: "GET",
    url: "/.well-known/oauth-authorization-server",
    schema: { summary: "Where everything of OAuth is, and what of it there is", response: { 200: Metadata } },
    handler: async () => ({
      issuer: `${publicUrl}/`,
      service_documentation: `${publicUrl}/api/docs`,
      authorization_endpoint: `${publicUrl}/oauth/authorize`,
      token_endpoint: `${publicUrl}/oauth/token`,
      app_registration_endpoint: `${publicUrl}/api/v1/apps`,
      revocation_endpoint: `${publicUrl}/oauth/revoke`,
      userinfo_endpoint: `${publicUrl}/oauth/userinfo`,
      scopes_supported: [...SCOPES].filter((scope) => !OPENS_NOTHING.has(scope)),
      response_types_supported: ["code"],
      response_modes_supported: ["query"],
      grant_types_supported: ["authorization_code", "client_credentials"],
      token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
      code_challenge_methods_supported: ["S256"],
    }),
  });
}

const UserInfo = Type.Object({
  iss: Type.String(),
  sub: Type.String(),
  name: Type.String(),
  preferred_username: Type.String(),
  profile: Type.String(),
  picture: Type.String(),
});

function userinfoRoutes(app: App, { config, profiles }: ApiContext): void {
  app.route({
    // OpenID Connect, 5.3.1: both methods.
    method: ["GET", "POST"],
    url: "/oauth/userinfo",
    config: { scope: "profile" },
    schema: { summary: "Who a token belongs to", response: { 200: UserInfo } },
    handler: async (request) => {
      const profile = await profiles.get(signedIn(request).accountId);
      if (!profile) throw new NotFound();
      const account = JSON.parse(profile.json.toString()) as Record<
        "url" | "display_name" | "avatar",
        string
      >;
      return {
        iss: `${config.publicUrl}/`,
        sub: account.url,
        name: account.display_name,
        preferred_username: profile.username,
        profile: account.url,
        picture: account.avatar,
      };
    },
  });
}
