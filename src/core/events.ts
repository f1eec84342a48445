/**
 * What happened, as told to everything that follows from it. Written in the transaction of the change itself
 * (transactional outbox), handled at least once and in order per key.
 */
import type { AccountId, StatusId } from "./ids.ts";

/**
 * What is reacted to is far when it lies in another database than who reacts: then the transaction didn't count it. It
 * may have become near when the event is handled, since shards move.
 */
export type DomainEvent =
  | { type: "status.published"; statusId: StatusId; authorId: AccountId; isFar?: true }
  | { type: "status.edited"; statusId: StatusId; authorId: AccountId }
  | {
      type: "status.deleted";
      statusId: StatusId;
      authorId: AccountId;
      /** What it answered or boosted, where that is far. */
      inReplyToId?: StatusId;
      reblogOfId?: StatusId;
      /** Who could see it for being mentioned, where there are such. */
      mentionIds?: readonly AccountId[];
      /** It was addressed to those alone: followers never saw it. */
      isDirect?: true;
    }
  | { type: "status.favourited"; statusId: StatusId; accountId: AccountId; isFar?: true }
  /** Told only when it is far. */
  | { type: "status.unfavourited"; statusId: StatusId; accountId: AccountId }
  | { type: "account.followed"; accountId: AccountId; targetId: AccountId }
  | { type: "account.follow-requested"; accountId: AccountId; targetId: AccountId }
  /** A follow or a request has ended. Told only where the notifications of it have to follow. */
  | { type: "account.unfollowed"; accountId: AccountId; targetId: AccountId };

/** One unit of delivery: the status, and the followers of its author whose ids lie in [fromId, toId]. */
export interface FanOutChunk {
  readonly statusId: StatusId;
  readonly authorId: AccountId;
  readonly fromId: AccountId;
  readonly toId: AccountId;
  /** An audience too large to be cut while smaller ones wait: the range is all of it, and its lane cuts it first. */
  readonly isWhole?: true;
}

/** Ids travel as decimal strings. */
export function encodeRecord(record: DomainEvent | FanOutChunk): string {
  return JSON.stringify(record, (_, value: unknown) => (typeof value === "bigint" ? `${value}` : value));
}

/** The inverse for a record as JSON gives it: every property named …Id becomes a bigint, every …Ids a list of them. */
export function decodeRecord<T extends DomainEvent | FanOutChunk>(json: unknown): T {
  const record: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(json as Record<string, unknown>)) {
    if (name.endsWith("Id")) record[name] = BigInt(value as string);
    else record[name] = name.endsWith("Ids") ? (value as string[]).map(BigInt) : value;
  }
  return record as unknown as T;
}
