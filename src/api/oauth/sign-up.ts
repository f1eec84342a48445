/** Making an account from outside: in the browser, or by an app for a new user. */
import type { FastifyBaseLogger } from "fastify";
import Type from "typebox";
import { type Registration, registerAccount } from "../../accounts/register.ts";
import { createAccessToken, newSecret } from "../../accounts/tokens.ts";
import { Forbidden } from "../../core/errors.ts";
import type { AccountId } from "../../core/ids.ts";
import { normaliseLanguage } from "../../core/languages.ts";
import { type App, signedIn } from "../app.ts";
import type { ApiContext } from "../context.ts";
import { Token, tokenEntity } from "../entities/token.ts";
import type { Confirmations } from "./confirmations.ts";

export interface SignUpContext {
  readonly context: ApiContext;
  readonly confirmations: Confirmations;
}

export async function signUp(
  { context, confirmations }: SignUpContext,
  registration: Omit<Registration, "confirmed" | "confirmationToken">,
  log: FastifyBaseLogger,
): Promise<{ accountId: AccountId; confirmed: boolean }> {
  const { config, database } = context;
  if (config.signUps !== "open") throw new Forbidden("Sign-ups are closed on this server");
  // Without a mail server nobody could follow a link.
  if (config.smtp === null) {
    const { accountId } = await registerAccount(database.db, { ...registration, confirmed: true });
    await context.tellWrite(accountId, "directory");
    return { accountId, confirmed: true };
  }
  const confirmationToken = newSecret();
  const unconfirmed = { ...registration, confirmed: false, confirmationToken };
  const { accountId } = await registerAccount(database.db, unconfirmed);
  await context.tellWrite(accountId, "directory");
  await confirmations.send(registration.email, confirmationToken, log);
  return { accountId, confirmed: false };
}

const Text = Type.Optional(Type.String({ maxLength: 4_000 }));

export function signUpRoutes(app: App, signUpContext: SignUpContext): void {
  const { context, confirmations } = signUpContext;

  app.route({
    method: "POST",
    url: "/api/v1/accounts",
    config: { scope: "write:accounts", appToken: true, limit: "signUp" },
    schema: {
      summary: "Make an account; the answer is its first token",
      body: Type.Object({
        username: Text,
        email: Text,
        password: Text,
        agreement: Type.Optional(Type.Boolean()),
        locale: Text,
      }),
      response: { 200: Token },
    },
    handler: async (request) => {
      const { viewer, body } = request;
      if (!viewer || viewer.accountId !== null)
        throw new Forbidden("This method requires an app's own token");
      const { username = "", email = "", password = "", agreement = false } = body;
      // Only ever a wish: what isn't a language is as good as none.
      const locale = normaliseLanguage(body.locale ?? null);
      const registration = { username, email, password, agreement, locale };
      const { accountId } = await signUp(signUpContext, registration, request.log);
      const { appId, scopes } = viewer;
      return tokenEntity(await createAccessToken(context.database.db, { accountId, appId, scopes }), scopes);
    },
  });

  app.route({
    method: "POST",
    url: "/api/v1/emails/confirmations",
    config: { scope: "write:accounts", unconfirmed: true, limit: "signUp" },
    schema: {
      summary: "Send the confirmation mail again, perhaps to another address",
      body: Type.Object({ email: Text }),
      response: { 200: Type.Object({}) },
    },
    handler: async (request) => {
      await confirmations.sendAgain(signedIn(request).accountId, request.body.email || null, request.log);
      return {};
    },
  });
}
