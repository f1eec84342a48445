/** Making an account from outside: in the browser, or by an app for a new user. */
import type { FastifyBaseLogger } from "fastify";
import Type from "typebox";
import { renewConfirmation, sendConfirmation } from "../../accounts/confirmation.ts";
import { type Registration, registerAccount } from "../../accounts/register.ts";
import { createAccessToken, newSecret } from "../../accounts/tokens.ts";
import { Forbidden, Invalid } from "../../core/errors.ts";
import type { AccountId } from "../../core/ids.ts";
import { type App, signedIn } from "../app.ts";
import type { ApiContext } from "../context.ts";
import { Token, tokenEntity } from "../entities/token.ts";
import { BooleanInput, booleanOf } from "../input.ts";

export async function signUp(
  context: ApiContext,
  registration: Omit<Registration, "confirmed" | "confirmationToken">,
  log: FastifyBaseLogger,
): Promise<{ accountId: AccountId; confirmed: boolean }> {
  const { config, database, mailer } = context;
  if (config.signUps !== "open") throw new Forbidden("Sign-ups are closed on this server");
  // Without a mail server nobody could follow a link.
  const confirmed = config.smtp === null;
  const confirmationToken = newSecret();
  const { accountId } = await registerAccount(database.db, { ...registration, confirmed, confirmationToken });
  if (!confirmed) {
    await sendConfirmation(mailer, config.publicUrl, registration.email, confirmationToken).catch(
      (err: unknown) => log.error({ err }, "a confirmation mail wasn't sent; the person can ask for another"),
    );
  }
  return { accountId, confirmed };
}

const Text = Type.Optional(Type.String({ maxLength: 4_000 }));

export function signUpRoutes(app: App, context: ApiContext): void {
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
        agreement: Type.Optional(BooleanInput),
        locale: Text,
        reason: Text,
      }),
      response: { 200: Token },
    },
    handler: async (request) => {
      const { viewer, body } = request;
      if (!viewer || viewer.accountId !== null)
        throw new Forbidden("This method requires an app's own token");
      const { username = "", email = "", password = "" } = body;
      const agreement = booleanOf(body.agreement, "agreement") ?? false;
      const registration = { username, email, password, agreement, locale: body.locale ?? null };
      const { accountId } = await signUp(context, registration, request.log);
      const { appId, scopes } = viewer;
      return tokenEntity(await createAccessToken(context.database.db, { accountId, appId, scopes }), scopes);
    },
  });

  app.route({
    method: "POST",
    url: "/api/v1/emails/confirmations",
    config: { limit: "signUp", anonymous: true },
    schema: {
      summary: "Send the confirmation mail again",
      body: Type.Object({ email: Text }),
      response: { 200: Type.Object({}) },
    },
    handler: async (request) => {
      const renewed = await renewConfirmation(
        context.database.db,
        signedIn(request).accountId,
        request.body.email ?? null,
      );
      if (!renewed) throw new Invalid("The address is confirmed already");
      await sendConfirmation(context.mailer, context.config.publicUrl, renewed.email, renewed.token);
      return {};
    },
  });
}
