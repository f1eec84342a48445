/**
 * 63-bit ids: 41 bits of milliseconds since 2015-01-01T00:00:00Z, 10 of logical shard, 12 of a per-shard sequence.
 * Decimal strings in JSON, `bigint` inside. From mid-2022 until 2084 every id has 19 digits, so clients that
 * compare ids as text agree with those that compare them as numbers.
 */
import { Invalid } from "./errors.ts";

declare const brand: unique symbol;
type Id<Name extends string> = bigint & { readonly [brand]?: Name };

export type AccountId = Id<"account">;
export type StatusId = Id<"status">;
export type MediaId = Id<"media">;
export type ListId = Id<"list">;
export type NotificationId = Id<"notification">;

export const ID_EPOCH_MS = Date.UTC(2015, 0, 1);
export const MAX_ID = (1n << 63n) - 1n;
export const LOGICAL_SHARDS = 1024;
const SEQUENCE_BITS = 12n;
const SHARD_BITS = 10n;
const TIME_SHIFT = SEQUENCE_BITS + SHARD_BITS;

/** The id with these parts; `sequence` wraps at 4,096. */
export function makeId(atMs: number, shard: number, sequence: number): bigint {
  return (
    (BigInt(atMs - ID_EPOCH_MS) << TIME_SHIFT) | (BigInt(shard) << SEQUENCE_BITS) | BigInt(sequence & 4095)
  );
}

/** The lowest id of that time, or the time of the first one when that is later. */
export function idAtMs(atMs: number): bigint {
  return makeId(Math.max(atMs, ID_EPOCH_MS), 0, 0);
}

export function timeOfIdMs(id: bigint): number {
  return Number(id >> TIME_SHIFT) + ID_EPOCH_MS;
}

export function shardOfId(id: bigint): number {
  return Number((id >> SEQUENCE_BITS) & BigInt(LOGICAL_SHARDS - 1));
}

/** A decimal id below 2^63, or null. */
export function parseId(text: string): bigint | null {
  if (!/^\d{1,19}$/.test(text)) return null;
  const id = BigInt(text);
  return id <= MAX_ID ? id : null;
}

/** As `parseId`; throws Invalid naming the parameter. */
export function requireId(text: string, parameter: string): bigint {
  const id = parseId(text);
  if (id === null) throw new Invalid(`${parameter} must be an id: a decimal number below 2^63`, 400);
  return id;
}

export function descending(a: bigint, b: bigint): number {
  return a < b ? 1 : a > b ? -1 : 0;
}

/** For `JSON.stringify`, which can't write ids: as decimal texts. */
export function idsAsText(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}` : value;
}
