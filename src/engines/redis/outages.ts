import type { Logger } from "pino";
import { type Clock, within } from "../../core/clock.ts";
import { Unavailable } from "../../core/errors.ts";

interface Outage {
  tryAgainAtMs: number;
  isTrying: boolean;
}

/** How long nothing is asked of a node that failed, until one call tries again. */
const PAUSE_MS = 200;

export interface OutageOptions {
  /** For messages. */
  readonly shown: string;
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
      if (outage.isTrying || this.#options.clock.nowMs() < outage.tryAgainAtMs) throw new Unavailable(AWAY);
      outage.isTrying = true;
    }
    try {
      const result = await within(work(), ms, () => new Unavailable(`no answer within ${ms} ms`));
      if (this.#of.size > 0) this.#over(node);
      return result;
    } catch (cause) {
      this.#began(node, cause);
      throw new Unavailable(AWAY, { cause });
    }
  }

  #began(node: string, cause: unknown): void {
    const { clock, log, shown } = this.#options;
    const nowMs = clock.nowMs();
    if (this.#of.size === 0) {
      this.#beganAtMs = nowMs;
      this.#options.onChange(true);
      const why = cause instanceof Error ? cause.message : String(cause);
      log.error(
        { why },
        `Redis at ${shown} can't be used; until it's back, everything comes from the database`,
      );
    }
    this.#of.set(node, { tryAgainAtMs: nowMs + PAUSE_MS, isTrying: false });
  }

  #over(node: string): void {
    if (!this.#of.delete(node) || this.#of.size > 0) return;
    this.#options.onChange(false);
    const lastedMs = this.#options.clock.nowMs() - this.#beganAtMs;
    this.#options.log.info({ lastedMs }, `Redis at ${this.#options.shown} is back`);
  }
}

const AWAY = "Redis can't be reached right now; try again in a moment";
