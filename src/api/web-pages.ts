/** Which addresses are pages of the web app, and whether what they show is there for somebody who isn't signed in. */
import type { FastifyReply } from "fastify";
import { NotFound, Unavailable } from "../core/errors.ts";
import { parseId } from "../core/ids.ts";
import { findAccountId } from "../discovery/search.ts";
import { requireVisible } from "../statuses/access.ts";
import { readStale } from "./answer.ts";
import type { ApiContext } from "./context.ts";

/** As `routeOf` of the web app has them; a test holds the two together. */
const FIXED_PAGES =
  /^\/(home|explore|public|notifications|bookmarks|favourites|lists|follow-requests|about|signup|login|login\/callback|search|compose|settings|settings\/[^/]+|tags\/[^/]+|lists\/[^/]+)?$/;
const ACCOUNT_PAGES = /^\/@([^/]+)(?:\/(?:(\d+)|with_replies|media|followers|following))?$/;

/** Pages that show something, or say that nothing is there yet, to everybody. */
export function isFixedPage(path: string): boolean {
  return FIXED_PAGES.test(path);
}

/** Pages about an account, or one of its posts. */
export function accountPage(path: string): { acct: string; statusId: string | null } | null {
  const [, acct, statusId = null] = ACCOUNT_PAGES.exec(path) ?? [];
  return acct === undefined ? null : { acct, statusId };
}

/** Whether the page is there. While that can't be looked up it counts as there: the page itself says what is wrong. */
export async function isPage(context: ApiContext, reply: FastifyReply, url: string): Promise<boolean> {
  const path = pathOf(url);
  if (path === null) return false;
  if (isFixedPage(path)) return true;
  const page = accountPage(path);
  if (page === null) return false;
  try {
    await context.catchUp();
    return page.statusId === null
      ? await isAccount(context, reply, page.acct)
      : await isStatusOf(context, page.acct, page.statusId);
  } catch (error) {
    if (error instanceof Unavailable) return true;
    throw error;
  }
}

/** Without query and trailing slash; null when it isn't valid UTF-8. */
function pathOf(url: string): string | null {
  const [path = ""] = url.split("?", 1);
  try {
    return decodeURIComponent(path).replace(/\/$/, "") || "/";
  } catch {
    return null;
  }
}

async function isAccount(context: ApiContext, reply: FastifyReply, acct: string): Promise<boolean> {
  const ownHost = new URL(context.config.publicUrl).host;
  const id = await readStale(context, reply, [], (source) => findAccountId(source, acct, ownHost));
  const profile = id === null ? null : await context.profiles.get(id);
  return profile !== null && profile !== undefined && !profile.suspended;
}

/** A post that only its readers may see is as good as none: who asks here isn't known. */
async function isStatusOf(context: ApiContext, acct: string, statusId: string): Promise<boolean> {
  const id = parseId(statusId);
  if (id === null) return false;
  try {
    const record = await requireVisible(context.statuses, id, null);
    const author = await context.profiles.get(record.facts.authorId);
    return author?.username.toLowerCase() === acct.split("@")[0]?.toLowerCase();
  } catch (error) {
    if (error instanceof NotFound) return false;
    throw error;
  }
}
