/**
 * What a consumer does with a batch whose handler rejects: it is given again after a pause that grows. An engine that
 * is out of reach is waited for without end. Otherwise some record is to blame, one that no attempt will handle, and
 * all behind it would wait for ever: after some attempts the batch is halved, and its halves, until the records that
 * fail by themselves are found. Those become dead letters; the rest goes on.
 *
 * Order: halves are handled one after the other, the older one first, so that records of one key keep theirs. A dead
 * letter that is requeued comes after younger records of its key. Handlers can take that, since events only name what
 * changed, and its state is read when they are handled.
 */
import { sleep } from "../../core/clock.ts";
import { isOutage } from "./outage.ts";

export interface PatienceOptions {
  /** Before records are looked for that are to blame. */
  readonly attempts: number;
  /** Doubled each time. */
  readonly pauseMsMin: number;
  readonly pauseMsMax: number;
}

/** With the pauses between them, about half a minute. */
export const LONG_PATIENCE: PatienceOptions = { attempts: 8, pauseMsMin: 200, pauseMsMax: 8_000 };

export interface Batch<Rec> {
  readonly records: readonly Rec[];
  readonly handle: (records: readonly Rec[]) => Promise<void>;
  /** Puts one to the dead letters. */
  readonly bury: (record: Rec, error: Error) => Promise<void>;
  /** Aborted when the batch is no longer ours to handle. */
  readonly signal: AbortSignal;
  readonly onFailure: (error: unknown, failures: number, pauseMs: number) => void;
}

export class Patience {
  /** Fewer after a batch with dead letters: what made one often makes many, and each would hold the topic up. */
  #attempts: number;
  readonly #options: PatienceOptions;

  constructor(options: PatienceOptions) {
    this.#options = options;
    this.#attempts = options.attempts;
  }

  /** Resolves to whether every record was handled or buried; false when `signal` came first. Never rejects. */
  async consume<Rec>(batch: Batch<Rec>): Promise<boolean> {
    const buried = await this.#settle(batch, batch.records, this.#attempts);
    if (buried === null) return false;
    this.#attempts = buried > 0 ? Math.max(2, Math.floor(this.#attempts / 2)) : this.#options.attempts;
    return true;
  }

  /** How many were buried; null when `signal` came first. */
  async #settle<Rec>(batch: Batch<Rec>, records: readonly Rec[], attempts: number): Promise<number | null> {
    const error = await this.#persist(batch, attempts, () => batch.handle(records));
    if (error === "handled") return 0;
    if (error === "stopped") return null;
    const [only] = records;
    if (records.length === 1 && only !== undefined) {
      const grave = await this.#persist(batch, Number.POSITIVE_INFINITY, () => batch.bury(only, error));
      return grave === "handled" ? 1 : null;
    }
    const middle = Math.ceil(records.length / 2);
    const older = await this.#settle(batch, records.slice(0, middle), 1);
    if (older === null) return null;
    const younger = await this.#settle(batch, records.slice(middle), 1);
    return younger === null ? null : older + younger;
  }

  /** Tries until it succeeds, or fails so many times with what is no outage: then the last error. */
  async #persist<Rec>(
    { signal, onFailure }: Batch<Rec>,
    attempts: number,
    work: () => Promise<void>,
  ): Promise<"handled" | "stopped" | Error> {
    let blamed = 0;
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        await work();
        return "handled";
      } catch (error) {
        if (signal.aborted) return "stopped";
        if (!isOutage(error) && ++blamed >= attempts)
          return error instanceof Error ? error : new Error(String(error));
        const pauseMs = Math.min(this.#options.pauseMsMax, this.#options.pauseMsMin * 2 ** (failures - 1));
        onFailure(error, failures, pauseMs);
        await sleep(pauseMs, signal);
      }
    }
    return "stopped";
  }
}
