/** Confirming an e-mail address, where mails can be sent. */
import { sql } from "kysely";
import type { AccountId } from "../core/ids.ts";
import type { Db } from "../engines/database/pools.ts";
import type { Mailer } from "../engines/mailer/port.ts";
import { asEmailMistake, requireEmail } from "./register.ts";
import { hashSecret, newSecret } from "./tokens.ts";

export async function sendConfirmation(
  mailer: Mailer,
  publicUrl: string,
  to: string,
  token: string,
): Promise<void> {
  await mailer.send({
    to,
    subject: `Confirm your address for ${new URL(publicUrl).host}`,
    text: [
      "Welcome! Follow this link to confirm your e-mail address:",
      `${publicUrl}/auth/confirm?token=${token}`,
      "If you didn't sign up, ignore this mail.",
    ].join("\n\n"),
  });
}

/** A new token for an account that isn't confirmed yet, perhaps at another address; null when it is. */
export async function renewConfirmation(
  db: Db,
  accountId: AccountId,
  newEmail: string | null,
): Promise<{ email: string; token: string } | null> {
  if (newEmail !== null) requireEmail(newEmail);
  const token = newSecret();
  const { rows } = await sql<{ email: string }>`
    update credentials set confirmation_token_hash = ${hashSecret(token)}, email = coalesce(${newEmail}, email)
    where account_id = ${accountId} and confirmed_at is null returning email`
    .execute(db)
    .catch((error: unknown) => {
      throw asEmailMistake(error);
    });
  return rows[0] ? { email: rows[0].email, token } : null;
}

/** The account that is confirmed now, or null for a token that isn't or no longer is one. */
export async function confirm(db: Db, token: string): Promise<AccountId | null> {
  const { rows } = await sql<{ account_id: AccountId }>`
    update credentials set confirmed_at = now(), confirmation_token_hash = null
    where confirmation_token_hash = ${hashSecret(token)} returning account_id`.execute(db);
  return rows[0]?.account_id ?? null;
}
