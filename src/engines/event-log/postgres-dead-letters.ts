/** Dead letters as records of a topic that nobody consumes, and that is therefore never trimmed. */
import type { Database } from "../database/pools.ts";
import { DEAD_LETTERS_TOPIC, decodeDeadLetter, encodeDeadLetter } from "./dead-letters.ts";
import type { ConsumeOptions, DeadLetter, DeadLetters, LogRecord } from "./port.ts";

interface LetterRow {
  position: bigint;
  payload: unknown;
}

export class PostgresDeadLetters implements DeadLetters {
  readonly #database: Database;
  readonly #publish: (topic: string, records: readonly LogRecord[]) => Promise<void>;

  constructor(database: Database, publish: (topic: string, records: readonly LogRecord[]) => Promise<void>) {
    this.#database = database;
    this.#publish = publish;
  }

  async add(
    { topic, group }: Pick<ConsumeOptions, "topic" | "group">,
    row: { position: bigint; key: bigint; payload: unknown },
    error: Error,
    nowMs: number,
  ): Promise<void> {
    const { key } = row;
    const payload = encodeDeadLetter({
      topic,
      group,
      place: `position ${row.position}`,
      key,
      payload: JSON.stringify(row.payload),
      error: error.message,
      failedAt: new Date(nowMs),
    });
    await this.#publish(DEAD_LETTERS_TOPIC, [{ key, payload }]);
  }

  async list(limit: number): Promise<DeadLetter[]> {
    const rows = await this.#database.prepared<LetterRow>(
      "dead_letters",
      "select position, payload from event_log where topic = $1 order by transaction_id, position limit $2",
      [DEAD_LETTERS_TOPIC, limit],
    );
    return rows.map(({ position, payload }) => decodeDeadLetter(`${position}`, payload));
  }

  async find(id: string): Promise<DeadLetter | null> {
    if (!/^\d{1,18}$/.test(id)) return null;
    const [row] = await this.#database.prepared<LetterRow>(
      "dead_letter",
      "select position, payload from event_log where topic = $1 and position = $2",
      [DEAD_LETTERS_TOPIC, id],
    );
    return row ? decodeDeadLetter(id, row.payload) : null;
  }

  async requeue(id: string): Promise<boolean> {
    const letter = await this.find(id);
    if (!letter) return false;
    // In this order: one that is published and not yet taken out may be requeued twice, never lost.
    await this.#publish(letter.topic, [letter]);
    return this.discard(id);
  }

  async discard(id: string): Promise<boolean> {
    if (!/^\d{1,18}$/.test(id)) return false;
    const gone = await this.#database.prepared<LetterRow>(
      "dead_letter_discard",
      "delete from event_log where topic = $1 and position = $2 returning position",
      [DEAD_LETTERS_TOPIC, id],
    );
    return gone.length > 0;
  }
}
