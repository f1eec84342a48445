/**
 * The invalidation log as one Redis stream. A process remembers the last entry it has seen, and reads from that one on,
 * inclusive. Whether it may have missed something is told by two things, looked at in the same moment as it reads:
 *
 * - The last entry seen is still the first of the answer. Otherwise it was trimmed, or everything was flushed. Its mark
 *   is compared, too: after a flush, another entry may get the same id within a millisecond.
 * - The server's replication id is the one of before. Redis changes it each time a server begins to write on its own: a
 *   replica that took over, or a server that started from a snapshot, may lack entries after the last one seen here,
 *   though that one is there.
 *
 * And after a read that failed: while Redis was away from here it may have been away from others, whose appends failed.
 * Each is a gap. A gap is told after the end of the log has been read, so that entries from there on aren't missed.
 */
import { randomUUID } from "node:crypto";
import { decodeStale, encodeStale } from "../../core/invalidation.ts";
import { type RedisClient, Script } from "../redis/client.ts";
import type { InvalidationEntry, InvalidationListener, InvalidationLog, LogPosition } from "./port.ts";

/** Some 20 MB at most. A process that is further behind forgets everything, which is soon filled again. */
const MAX_ENTRIES = 100_000;
const ENTRIES_A_READ = 1_000;

/**
 * KEYS: the stream. ARGV: id and mark of the last entry seen, or nothing; history it was seen under; most entries; a
 * new mark. → history, whether there is a gap, entries from the last one seen on, or from the last there is.
 */
const CATCH_UP = new Script(`
local info = redis.call('INFO', 'replication')
if not string.find(info, 'role:master', 1, true) then
  return redis.error_reply('READONLY this server is a replica')
end
local history = string.match(info, 'master_replid:(%x+)')
if ARGV[1] ~= '' and ARGV[3] == history then
  local found = redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[4])
  if found[1] and found[1][1] == ARGV[1] and found[1][2][2] == ARGV[2] then return {history, 0, found} end
end
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
if not last[1] then
  -- An empty log has no entry to be remembered.
  redis.call('XADD', KEYS[1], '*', 'mark', ARGV[5])
  last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
end
return {history, 1, last}`);

type Entry = readonly [id: Buffer, fields: readonly Buffer[]];

interface Position {
  readonly id: string;
  readonly mark: string;
  readonly history: string;
}

export class RedisInvalidationLog implements InvalidationLog {
  readonly #client: RedisClient;
  readonly #key: string;
  readonly #origin = randomUUID();
  readonly #maxEntries: number;
  readonly #listeners: InvalidationListener[] = [];
  /** Null: nothing has been read, or the last read failed. */
  #position: Position | null = null;
  #reading: Promise<void> = Promise.resolve();
  #next: Promise<void> | null = null;
  #reads = 0;
  #marks = 0;

  constructor(client: RedisClient, maxEntries = MAX_ENTRIES) {
    this.#client = client;
    this.#key = `${client.keyPrefix}:stale`;
    this.#maxEntries = maxEntries;
  }

  async append({ stale, lsn }: InvalidationEntry): Promise<void> {
    await this.#client.run("prompt", this.#key, (redis) =>
      redis.call(
        "xadd",
        this.#key,
        "MAXLEN",
        "~",
        this.#maxEntries,
        "*",
        "mark",
        this.#newMark(),
        "stale",
        encodeStale(stale),
        "lsn",
        lsn ?? "",
      ),
    );
  }

  /**
   * One read is under way at a time, and one waits for it to end; who comes meanwhile shares the one that waits. So a
   * caller is never given a read that was sent before it called, and many callers cost few reads.
   */
  catchUp(): Promise<void> {
    this.#next ??= this.#reading.then(
      () => this.#start(),
      () => this.#start(),
    );
    return this.#next;
  }

  listen(listener: InvalidationListener): void {
    this.#listeners.push(listener);
  }

  /** Reads sent so far. */
  get reads(): number {
    return this.#reads;
  }

  /** The connection is the client's. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.length = 0;
  }

  #start(): Promise<void> {
    this.#next = null;
    this.#reading = this.#read();
    return this.#reading;
  }

  async #read(): Promise<void> {
    let at = this.#position;
    // Until it has succeeded: what fails now makes the next one tell of a gap.
    this.#position = null;
    for (;;) {
      this.#reads++;
      const args = [at?.id ?? "", at?.mark ?? "", at?.history ?? "", ENTRIES_A_READ, this.#newMark()];
      const answer = await this.#client.script("prompt", CATCH_UP, [this.#key], args);
      const [history, isGap, entries] = answer as [Buffer, number, Entry[]];
      // The first is the last of before.
      const last = entries.at(-1);
      const next = { history: `${history}`, id: `${last?.[0]}`, mark: `${last?.[1][1]}` };
      if (isGap) for (const listener of this.#listeners) listener.onGap();
      else for (const [id, fields] of entries.slice(1)) this.#tell(fields, positionOf(next.history, id));
      if (isGap || next.id !== at?.id) {
        for (const listener of this.#listeners) listener.onReadTo?.(positionOf(next.history, next.id));
      }
      at = next;
      if (entries.length < ENTRIES_A_READ) break;
    }
    this.#position = at;
  }

  #newMark(): string {
    return `${this.#origin} ${++this.#marks}`;
  }

  #tell([, mark, , stale, , lsn]: readonly Buffer[], position: LogPosition): void {
    // What is written when the log is empty says nothing.
    if (stale === undefined) return;
    const entry = {
      stale: decodeStale(`${stale}`),
      lsn: `${lsn}` || null,
      isOwn: `${mark}`.startsWith(this.#origin),
      position,
    };
    for (const listener of this.#listeners) listener.onEntry(entry);
  }
}

/** Redis gives an entry its milliseconds and, within one, a number. */
function positionOf(history: string, id: Buffer | string): LogPosition {
  const [ms = "0", number = "0"] = `${id}`.split("-");
  return { history, entry: (BigInt(ms) << 32n) + BigInt(number) };
}
