/** Signing in and up in the browser. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import Type from "typebox";
import { confirm } from "../../accounts/confirmation.ts";
import { verifyPassword } from "../../accounts/credentials.ts";
import { AppError, Invalid, RateLimited } from "../../core/errors.ts";
import type { App } from "../app.ts";
import type { ApiContext } from "../context.ts";
import { type FormState, messagePage, signInPage, signUpPage } from "./pages.ts";
import { signUp } from "./sign-up.ts";
import { STYLE } from "./style.ts";
import { openSession, requireOwnForm, safeNext, sendPage, startSession } from "./visit.ts";

const Text = Type.Optional(Type.String({ maxLength: 4_000 }));
const NextQuery = Type.Object({ next: Text });
const SignInForm = Type.Object({ csrf_token: Text, next: Text, login: Text, password: Text });
const SignUpForm = Type.Object({
  csrf_token: Text,
  next: Text,
  username: Text,
  email: Text,
  password: Text,
  agreement: Text,
});

/** Against guessing: per name, whoever tries; and per address, whatever names it tries. */
const ATTEMPTS_PER_NAME = { points: 10, duration: 15 * 60 };
const ATTEMPTS_PER_ADDRESS = { points: 50, duration: 15 * 60 };

export function signInRoutes(app: App, context: ApiContext): void {
  const { title } = context.config.instance;
  const mayRegister = context.config.signUps === "open";
  const perName = new RateLimiterMemory({ keyPrefix: "name", ...ATTEMPTS_PER_NAME });
  const perAddress = new RateLimiterMemory({ keyPrefix: "address", ...ATTEMPTS_PER_ADDRESS });

  app.get("/oauth/style.css", { schema: { hide: true } }, async (_, reply) =>
    reply.type("text/css").header("Cache-Control", "public, max-age=3600").send(STYLE),
  );

  app.route({
    method: "GET",
    url: "/oauth/sign-in",
    schema: { hide: true, querystring: NextQuery },
    handler: async (request, reply) => {
      const form = await formOf(context, request, reply);
      return sendPage(reply, signInPage(title, form, mayRegister));
    },
  });

  app.route({
    method: "POST",
    url: "/oauth/sign-in",
    schema: { hide: true, body: SignInForm },
    handler: async (request, reply) => {
      const { csrf_token, login = "", password = "" } = request.body;
      try {
        await requireOwnForm(context, request, csrf_token);
        await countAttempt(perAddress, request.ip);
        await countAttempt(perName, login.trim().toLowerCase().slice(0, 200));
        const found = await verifyPassword(context.database.db, login, password);
        if (!found) throw new Invalid("The name or the password is wrong");
        if (!found.confirmed)
          throw new Invalid("Confirm your e-mail address first: follow the link in the mail we sent");
        await perName.delete(login.trim().toLowerCase().slice(0, 200));
        await startSession(context, reply, found.accountId);
        return reply.redirect(safeNext(request.body.next), 303);
      } catch (error) {
        const form = await formOf(context, request, reply, { login }, error);
        if (error instanceof RateLimited)
          reply.header("Retry-After", Math.ceil((error.retryAfterMs ?? 0) / 1000));
        return sendPage(reply, signInPage(title, form, mayRegister), (error as AppError).httpStatus);
      }
    },
  });

  app.route({
    method: "GET",
    url: "/oauth/sign-up",
    schema: { hide: true, querystring: NextQuery },
    handler: async (request, reply) => {
      if (!mayRegister)
        return sendPage(
          reply,
          messagePage(title, "Sign-ups are closed", "Ask who runs this server for an account."),
          403,
        );
      return sendPage(reply, signUpPage(title, await formOf(context, request, reply)));
    },
  });

  app.route({
    method: "POST",
    url: "/oauth/sign-up",
    config: { limit: "signUp" },
    schema: { hide: true, body: SignUpForm },
    handler: async (request, reply) => {
      const { csrf_token, username = "", email = "", password = "", agreement } = request.body;
      try {
        await requireOwnForm(context, request, csrf_token);
        const registration = { username, email, password, agreement: agreement === "1", locale: null };
        const { accountId, confirmed } = await signUp(context, registration, request.log);
        if (!confirmed)
          return sendPage(
            reply,
            messagePage(title, "Check your mail", `Follow the link we sent to ${email}, then sign in.`),
          );
        await startSession(context, reply, accountId);
        return reply.redirect(safeNext(request.body.next), 303);
      } catch (error) {
        const form = await formOf(context, request, reply, { username, email }, error);
        return sendPage(reply, signUpPage(title, form), (error as AppError).httpStatus);
      }
    },
  });

  app.route({
    method: "GET",
    url: "/auth/confirm",
    schema: { hide: true, querystring: Type.Object({ token: Text }) },
    handler: async (request, reply) => {
      const accountId = request.query.token ? await confirm(context.database.db, request.query.token) : null;
      if (accountId === null) {
        return sendPage(reply, messagePage(title, "This link is old", "Sign in to get a new one."), 404);
      }
      await context.relations.invalidate({ tokens: [accountId] });
      return sendPage(
        reply,
        messagePage(title, "Thank you", "Your address is confirmed. You can sign in now."),
      );
    },
  });
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
  const sentence = error && !details ? { error: error.message } : {};
  return { csrfToken, next: safeNext(asked), values, details, ...sentence };
}

async function countAttempt(limiter: RateLimiterMemory, key: string): Promise<void> {
  try {
    await limiter.consume(key);
  } catch (refused) {
    if (!(refused instanceof RateLimiterRes)) throw refused;
    const minutes = Math.max(1, Math.ceil(refused.msBeforeNext / 60_000));
    throw new RateLimited(`Too many attempts: try again in ${minutes} min`, {
      retryAfterMs: refused.msBeforeNext,
    });
  }
}
