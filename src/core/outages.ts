import type { Logger } from "pino";
import { type Clock, within } from "./clock.ts";
import { Unavailable } from "./errors.ts";

interface Outage {
  tryAgainAtMs: number;
  isTrying: boolean;
}

/** How long nothing is asked of a node that failed, until one call tries again. */
const PAUSE_MS = 200;

export interface OutageOptions {
  readonly says: {
    /** Logged when an outage begins: what is away, and what that means. */
    readonly began: string;
    /** Logged when it's over. */
    readonly over: string;
    /** For the person at the other end. */
    readonly refusal: string;
  };
  readonly log: Logger;
  readonly clock: Clock;
  /** Told when an outage begins and when it's over. */
  readonly onChange: (isAway: boolean) => void;
}

/**
 * Fails fast while a node is away: after a failure one call at a time tries again, and all others are refused at once,
 * so that an outage costs a few requests their deadline and not each of them. One line is logged when it begins and one
 * when it's over, however many calls failed.
 */
export class Outages {
  readonly #of = new Map<string, Outage>();
  readonly #options: OutageOptions;
  #beganAtMs = 0;

  constructor(options: OutageOptions) {
    this.#options = options;
  }

  /** Rejects with Unavailable when the work fails, or takes longer than `ms`, or the node is away. */
  async run<T>(node: string, ms: number, work: () => Promise<T>): Promise<T> {
    const outage = this.#of.get(node);
    if (outage) {
      if (outage.isTrying || this.#options.clock.nowMs() < outage.tryAgainAtMs)
        throw new Unavailable(this.#options.says.refusal);
      outage.isTrying = true;
    }
    try {
      const result = await within(work(), ms, () => new Unavailable(`no answer within ${ms} ms`));
      if (this.#of.size > 0) this.#over(node);
      return result;
    } catch (cause) {
      this.#began(node, cause);
      throw new Unavailable(this.#options.says.refusal, { cause });
    }
  }

  #began(node: string, cause: unknown): void {
    const { clock, log, says } = this.#options;
    const nowMs = clock.nowMs();
    if (this.#of.size === 0) {
      this.#beganAtMs = nowMs;
      this.#options.onChange(true);
      const why = cause instanceof Error ? cause.message : String(cause);
      log.error({ why }, says.began);
    }
    this.#of.set(node, { tryAgainAtMs: nowMs + PAUSE_MS, isTrying: false });
  }

  #over(node: string): void {
    if (!this.#of.delete(node) || this.#of.size > 0) return;
    this.#options.onChange(false);
    const lastedMs = this.#options.clock.nowMs() - this.#beganAtMs;
    this.#options.log.info({ lastedMs }, this.#options.says.over);
  }
}
