/** A browser's visit to our pages: its session, its forms, and answers that only a browser sees. */
import type { FastifyReply, FastifyRequest } from "fastify";
import {
  createSession,
  endSession,
  findSession,
  SESSION_DAYS,
  type WebSession,
} from "../../accounts/sessions.ts";
import { Forbidden } from "../../core/errors.ts";
import type { AccountId } from "../../core/ids.ts";
import type { App } from "../app.ts";
import type { ApiContext } from "../context.ts";
import { messagePage } from "./pages.ts";

const COOKIE = "roost_session";

/** The session of the request; a new one, for nobody yet, when it has none. */
export async function openSession(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<WebSession> {
  const id = request.cookies[COOKIE];
  const known = id ? await findSession(context.database.db, id) : null;
  return known ?? startSession(context, request, reply, null);
}

/**
 * A session with a new id, in place of the one there was: what an attacker may have planted before somebody signs in,
 * or have read of an earlier time, is worth nothing after it.
 */
export async function startSession(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  accountId: AccountId | null,
): Promise<WebSession> {
  const { db } = context.database;
  const replaced = request.cookies[COOKIE];
  if (replaced) await endSession(db, replaced);
  const { id, session } = await createSession(db, accountId);
  reply.setCookie(COOKIE, id, {
    path: "/",
    httpOnly: true,
    sameSite: "lax",
    secure: context.config.publicUrl.startsWith("https:"),
    maxAge: SESSION_DAYS * 24 * 3600,
  });
  return session;
}

export async function closeSession(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const id = request.cookies[COOKIE];
  if (id) await endSession(context.database.db, id);
  reply.clearCookie(COOKIE, { path: "/" });
}

/** Throws Forbidden unless the form came from a page of this session, and of this site. */
export async function requireOwnForm(
  context: ApiContext,
  request: FastifyRequest,
  csrfToken: string | undefined,
): Promise<WebSession> {
  const id = request.cookies[COOKIE];
  const session = id ? await findSession(context.database.db, id) : null;
  const { origin } = request.headers;
  // A page whose referrer is hidden sends "null"; the token decides then.
  const isForeign = origin !== undefined && origin !== "null" && !isOwnOrigin(context, request, origin);
  if (!session || isForeign || csrfToken !== session.csrfToken) {
    throw new Forbidden("This form has expired: go back, reload the page and send it again");
  }
  return session;
}

/** PUBLIC_URL's, or the address the browser itself used: on a laptop these may be localhost and 127.0.0.1. */
function isOwnOrigin(context: ApiContext, request: FastifyRequest, origin: string): boolean {
  return origin === context.config.publicUrl || origin === `${request.protocol}://${request.host}`;
}

const PAGE_HEADERS = {
  "Content-Type": "text/html; charset=utf-8",
  "Cache-Control": "no-store",
  "Referrer-Policy": "same-origin",
  // No form-action: browsers apply it to where a form's answer redirects, which is the app's own address.
  "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
};

export function sendPage(reply: FastifyReply, page: string, status = 200): FastifyReply {
  return reply.code(status).headers(PAGE_HEADERS).send(page);
}

/** What goes wrong on routes for browsers is told on a page, with the sentence and the status `errors.ts` gave it. */
export function answerErrorsAsPages(app: App, siteTitle: string): void {
  app.addHook("onSend", async (_, reply, payload) => {
    const isJson = `${reply.getHeader("content-type")}`.startsWith("application/json");
    if (reply.statusCode < 400 || !isJson || typeof payload !== "string") return payload;
    const { error } = JSON.parse(payload) as { error: string };
    reply.headers(PAGE_HEADERS);
    return messagePage(siteTitle, "This doesn't work", error);
  });
}

/** A path of ours to go on to; anything else becomes the front page. */
export function safeNext(next: string | undefined): string {
  return next !== undefined && /^\/(?![/\\])[\x21-\x7e]*$/.test(next) ? next : "/";
}
