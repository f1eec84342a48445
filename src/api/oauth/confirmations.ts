/** Mails that confirm an address: at signing up, and again for who asks, not too often. */
import type { FastifyBaseLogger } from "fastify";
import { type RateLimiterAbstract, RateLimiterRes } from "rate-limiter-flexible";
import { renewConfirmation, sendConfirmation } from "../../accounts/confirmation.ts";
import { Invalid, RateLimited } from "../../core/errors.ts";
import type { AccountId } from "../../core/ids.ts";
import type { ApiContext } from "../context.ts";

/** The address isn't known to be its owner's yet: nobody may have a stranger's mailbox filled. */
const AGAIN = { points: 3, duration: 3600 };

export class Confirmations {
  readonly #context: ApiContext;
  readonly #again: RateLimiterAbstract;

  constructor(context: ApiContext) {
    this.#context = context;
    this.#again = context.makeLimiter("confirmation-again", AGAIN);
  }

  /** Never rejects: the account is made by then, and its owner can ask for another mail. */
  async send(email: string, token: string, log: FastifyBaseLogger): Promise<void> {
    const { config, mailer } = this.#context;
    await sendConfirmation(mailer, config.publicUrl, email, token).catch((err: unknown) =>
      log.error({ err }, "a confirmation mail wasn't sent; the person can ask for another"),
    );
  }

  /** Throws Invalid for an account that is confirmed, RateLimited when it was asked for too often. */
  async sendAgain(accountId: AccountId, newEmail: string | null, log: FastifyBaseLogger): Promise<string> {
    await this.#again.consume(`${accountId}`).catch((refused: unknown) => {
      if (!(refused instanceof RateLimiterRes)) throw refused;
      throw new RateLimited("The mail was sent a few times already: look for it, or try again in an hour", {
        retryAfterMs: refused.msBeforeNext,
      });
    });
    const renewed = await renewConfirmation(this.#context.database.db, accountId, newEmail);
    if (!renewed) throw new Invalid("The address is confirmed already");
    await this.send(renewed.email, renewed.token, log);
    return renewed.email;
  }
}
