/** Signing in and up in the browser. */
import type { FastifyReply, FastifyRequest } from "fastify";
import Type from "typebox";
import { confirm } from "../../accounts/confirmation.ts";
import { verifyPassword } from "../../accounts/credentials.ts";
import { AppError, Forbidden, Invalid } from "../../core/errors.ts";
import type { App } from "../app.ts";
import type { ApiContext } from "../context.ts";
import { type FormState, messagePage, signInPage, signUpPage } from "./pages.ts";
import { SignInAttempts } from "./sign-in-attempts.ts";
import { type SignUpContext, signUp } from "./sign-up.ts";
import { STYLE } from "./style.ts";
import { closeSession, openSession, requireOwnForm, safeNext, sendPage, startSession } from "./visit.ts";

const Text = Type.Optional(Type.String({ maxLength: 4_000 }));
/** Holds a whole authorization request; longer ones no browser's address could have brought. */
const Next = Type.Optional(Type.String({ maxLength: 16_000 }));
const NextQuery = Type.Object({ next: Next });
const SignInForm = Type.Object({ csrf_token: Text, next: Next, login: Text, password: Text });
const SignUpForm = Type.Object({
  csrf_token: Text,
  next: Next,
  username: Text,
  email: Text,
  password: Text,
  agreement: Type.Optional(Type.Boolean()),
});
const SignOutForm = Type.Object({ csrf_token: Text, next: Next });

export function signInRoutes(app: App, { context, confirmations }: SignUpContext): void {
  const { title } = context.config.instance;
  const offers = { mayRegister: context.config.signUps === "open", demo: context.config.demo };
  const attempts = new SignInAttempts(context.makeLimiter);

  app.get("/oauth/style.css", { schema: { hide: true } }, async (_, reply) =>
    reply.type("text/css").header("Cache-Control", "public, max-age=3600").send(STYLE),
  );

  app.route({
    method: "GET",
    url: "/oauth/sign-in",
    schema: { hide: true, querystring: NextQuery },
    handler: async (request, reply) =>
      sendPage(reply, signInPage(title, await formOf(context, request, reply), offers)),
  });

  app.route({
    method: "POST",
    url: "/oauth/sign-in",
    schema: { hide: true, body: SignInForm },
    handler: async (request, reply) => {
      const { csrf_token, login = "", password = "" } = request.body;
      try {
        await requireOwnForm(context, request, csrf_token);
        const found = await attempts.run({ login, address: request.ip }, () =>
          verifyPassword(context.database.db, login, password),
        );
        if (!found) throw new Invalid("The name or the password is wrong");
        if (!found.confirmed) {
          const email = await confirmations.sendAgain(found.accountId, null, request.log);
          return sendPage(reply, checkMailPage(title, email));
        }
        await startSession(context, request, reply, found.accountId);
        return reply.redirect(safeNext(request.body.next), 303);
      } catch (error) {
        const form = await formOf(context, request, reply, { login }, error);
        return refuse(reply, error, signInPage(title, form, offers));
      }
    },
  });

  app.route({
    method: "POST",
    url: "/oauth/sign-out",
    schema: { hide: true, body: SignOutForm },
    handler: async (request, reply) => {
      await requireOwnForm(context, request, request.body.csrf_token);
      await closeSession(context, request, reply);
      return reply.redirect(safeNext(request.body.next), 303);
    },
  });
}

export function signUpPageRoutes(app: App, signUpContext: SignUpContext): void {
  const { context } = signUpContext;
  const { title } = context.config.instance;

  app.route({
    method: "GET",
    url: "/oauth/sign-up",
    schema: { hide: true, querystring: NextQuery },
    handler: async (request, reply) => {
      if (context.config.signUps !== "open")
        throw new Forbidden("Sign-ups are closed on this server: ask who runs it for an account");
      return sendPage(reply, signUpPage(title, await formOf(context, request, reply)));
    },
  });

  app.route({
    method: "POST",
    url: "/oauth/sign-up",
    config: { limit: "signUp" },
    schema: { hide: true, body: SignUpForm },
    handler: async (request, reply) => {
      const { csrf_token, username = "", email = "", password = "", agreement = false } = request.body;
      try {
        await requireOwnForm(context, request, csrf_token);
        const registration = { username, email, password, agreement, locale: null };
        const { accountId, confirmed } = await signUp(signUpContext, registration, request.log);
        if (!confirmed) return sendPage(reply, checkMailPage(title, email));
        await startSession(context, request, reply, accountId);
        return reply.redirect(safeNext(request.body.next), 303);
      } catch (error) {
        const form = await formOf(context, request, reply, { username, email }, error);
        return refuse(reply, error, signUpPage(title, form));
      }
    },
  });

  app.route({
    method: "GET",
    url: "/auth/confirm",
    schema: { hide: true, querystring: Type.Object({ token: Text }) },
    handler: async (request, reply) => {
      const { token } = request.query;
      const accountId = token ? await confirm(context.database.db, token) : null;
      if (accountId === null) {
        const why =
          "It was followed already, or a newer one was sent. Sign in: if something is missing, you get a new one.";
        return sendPage(reply, messagePage(title, "This link doesn't work any more", why), 404);
      }
      await context.relations.invalidate({ tokens: [accountId] });
      const done = "Your address is confirmed. You can sign in now.";
      return sendPage(reply, messagePage(title, "Thank you", done));
    },
  });
}

function checkMailPage(title: string, email: string): string {
  const what = `Follow the link we sent to ${email}, then sign in. It may take a minute to arrive.`;
  return messagePage(title, "Check your mail", what);
}

/** The form as it's shown (again), with what was wrong. Anything but an expected error goes on up. */
async function formOf(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  values: Record<string, string> = {},
  error: unknown = null,
): Promise<FormState> {
  if (error !== null && !(error instanceof AppError)) throw error;
  const { csrfToken } = await openSession(context, request, reply);
  const asked = (request.body as { next?: string } | null)?.next ?? (request.query as { next?: string }).next;
  const details = error instanceof Invalid ? error.details : undefined;
  const problem = details ? "Something needs another look." : error?.message;
  return { csrfToken, next: safeNext(asked), values, details, ...(problem ? { error: problem } : {}) };
}

function refuse(reply: FastifyReply, error: unknown, page: string): FastifyReply {
  const { httpStatus, retryAfterMs } = error as AppError;
  if (retryAfterMs !== undefined) reply.header("Retry-After", Math.max(1, Math.ceil(retryAfterMs / 1000)));
  return sendPage(reply, page, httpStatus);
}
