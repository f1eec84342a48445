/**
 * What any process has loaded in the last seconds, for the others: the level between a process's own memory and the
 * database. Losing it costs time, never contents.
 */
import type { SecondLevel } from "../../core/guarded-cache.ts";
import type { LogPosition } from "../invalidation-log/port.ts";

/** When a load began, and how far its process had read the log by then. */
export interface LoadStart {
  readonly position: LogPosition;
  readonly beganMs: number;
}

/** One kind of values in it: those that are still right. While the engine is away there are none. */
export interface SharedLevel<Key, Value> extends SecondLevel<Key, Value> {
  /** To be taken before a load; null when nobody could tell whether what it gives is fresh. */
  begin(): LoadStart | null;

  /** In the background: nobody waits for it, and nothing depends on it. */
  share(key: Key, value: Value, start: LoadStart): void;
}

/** The bytes of a kind of values. */
export interface SharedForm<Key, Value> {
  /** Of a key in the cache. Another form of the bytes is another name. */
  readonly nameOf: (key: Key) => string;
  readonly encode: (value: Value) => Buffer;
  readonly decode: (bytes: Buffer) => Value;
}
