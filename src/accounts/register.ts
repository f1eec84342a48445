import { randomInt } from "node:crypto";
import { sql } from "kysely";
import { Invalid, invariant } from "../core/errors.ts";
import { type AccountId, LOGICAL_SHARDS } from "../core/ids.ts";
import type { Db } from "../engines/database/pools.ts";
import { hashPassword, passwordMistake } from "./credentials.ts";
import { hashSecret } from "./tokens.ts";

export interface Registration {
  readonly username: string;
  readonly email: string;
  readonly password: string;
  readonly agreement: boolean;
  /** A normalised language code: what the person reads, and until they say otherwise writes. */
  readonly locale?: string | null;
  /** False when a mail must confirm the address first; `confirmationToken` is what the mail carries. */
  readonly confirmed: boolean;
  readonly confirmationToken?: string;
}

const RESERVED = new Set([
  "about",
  "admin",
  "administrator",
  "api",
  "auth",
  "everyone",
  "explore",
  "health",
  "help",
  "home",
  "here",
  "login",
  "media",
  "moderator",
  "notifications",
  "oauth",
  "ops",
  "owner",
  "roost",
  "root",
  "search",
  "settings",
  "signup",
  "support",
  "system",
  "tags",
  "web",
  "webmaster",
]);
const EMAIL_CHARACTERS_MOST = 254;
/** No quotes, commas, brackets or comments: mail software reads those as more than one address. */
const EMAIL = /^[^\s@"(),:;<>[\\\]\p{Cc}]+@[^\s@"(),:;<>[\\\]\p{Cc}]+\.[^\s@.,:;<>[\\\]\p{Cc}]+$/u;

type Mistake = { error: string; description: string };
type Details = Record<string, Mistake[]>;

/** Makes an account. Throws Invalid with all mistakes by field; nothing is changed then. */
export async function registerAccount(db: Db, registration: Registration): Promise<{ accountId: AccountId }> {
  const { username, email, password } = registration;
  const details = mistakesOf(registration);
  if (!details.username || !details.email) {
    for (const [field, mistake] of await takenOf(db, username, email)) {
      details[field] = [...(details[field] ?? []), mistake];
    }
  }
  if (Object.keys(details).length > 0) throw invalid(details);
  const passwordHash = await hashPassword(password);
  try {
    return { accountId: await insertAccount(db, registration, passwordHash) };
  } catch (error) {
    const constraint = (error as { constraint?: string }).constraint;
    // Another sign-up took the name between the check and here: the unique index decided.
    if (constraint === "accounts_username") throw invalid({ username: [taken("username")] });
    if (constraint === "credentials_email") throw invalid({ email: [EMAIL_TAKEN] });
    throw error;
  }
}

async function insertAccount(db: Db, registration: Registration, passwordHash: string): Promise<AccountId> {
  const { username, email, locale, confirmed, confirmationToken } = registration;
  return db.transaction().execute(async (tx) => {
    const { rows } = await sql<{ id: AccountId }>`
      insert into accounts (id, username, default_language)
      values (next_id(${randomInt(LOGICAL_SHARDS)}), ${username}, ${locale ?? null})
      returning id`.execute(tx);
    const id = rows[0]?.id;
    invariant(id !== undefined, "an insert that returns its id gives one");
    await tx
      .insertInto("credentials")
      .values({
        account_id: id,
        email,
        password_hash: passwordHash,
        confirmed_at: confirmed ? sql<Date>`now()` : null,
        confirmation_token_hash: confirmationToken ? hashSecret(confirmationToken) : null,
        locale: locale ?? null,
      })
      .execute();
    await sql`insert into follow_counts (account_id) values (${id})`.execute(tx);
    await sql`insert into author_counts (account_id) values (${id})`.execute(tx);
    await sql`insert into relation_epochs (account_id, epoch) values (${id}, 0)`.execute(tx);
    return id;
  });
}

const taken = (what: string): Mistake => ({ error: "ERR_TAKEN", description: `This ${what} is taken` });
const EMAIL_TAKEN = taken("e-mail address");

/** Throws Invalid, as signing up would, unless mail could go there. */
export function requireEmail(email: string): void {
  const mistake = emailMistake(email);
  if (mistake) throw invalid({ email: [mistake] });
}

/** What a refusal by the unique index on addresses means; anything else as it is. */
export function asEmailMistake(error: unknown): unknown {
  const { constraint } = error as { constraint?: string };
  return constraint === "credentials_email" ? invalid({ email: [EMAIL_TAKEN] }) : error;
}

function emailMistake(email: string): Mistake | null {
  if (email === "") return { error: "ERR_BLANK", description: "E-mail can't be blank" };
  if (email.length <= EMAIL_CHARACTERS_MOST && EMAIL.test(email)) return null;
  return { error: "ERR_INVALID", description: "This isn't an e-mail address" };
}

function mistakesOf({ username, email, password, agreement }: Registration): Details {
  const details: Details = {};
  const add = (field: string, error: string, description: string) => {
    details[field] = [{ error, description }];
  };
  if (username === "") add("username", "ERR_BLANK", "Username can't be blank");
  else if (!/^[A-Za-z0-9_]+$/.test(username)) {
    add("username", "ERR_INVALID", "Username can have letters a to z, digits and underscores only");
  } else if (username.length > 30) add("username", "ERR_TOO_LONG", "Username can have 30 characters at most");
  else if (RESERVED.has(username.toLowerCase())) add("username", "ERR_RESERVED", "This username is reserved");
  const wrongEmail = emailMistake(email);
  if (wrongEmail) details.email = [wrongEmail];
  const wrongPassword = passwordMistake(password);
  if (wrongPassword) details.password = [wrongPassword];
  if (!agreement) add("agreement", "ERR_ACCEPTED", "The terms must be accepted");
  return details;
}

async function takenOf(db: Db, username: string, email: string) {
  if (username.includes("\0") || email.includes("\0")) return [];
  const { rows } = await sql<{ username: boolean; email: boolean }>`
    select exists (select 1 from accounts where lower(username) = lower(${username})) as username,
      exists (select 1 from credentials where lower(email) = lower(${email})) as email`.execute(db);
  const found: [string, Mistake][] = [];
  if (rows[0]?.username) found.push(["username", taken("username")]);
  if (rows[0]?.email) found.push(["email", EMAIL_TAKEN]);
  return found;
}

function invalid(details: Details): Invalid {
  const sentences = Object.values(details).flatMap((mistakes) =>
    mistakes.map((mistake) => mistake.description),
  );
  return new Invalid(`Validation failed: ${sentences.join(", ")}`, 422, details);
}
