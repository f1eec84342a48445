import type { Clock } from "../core/clock.ts";
import type { AccountId } from "../core/ids.ts";
import type { Invalidate, TellWrite } from "../core/invalidation.ts";
import type { Db } from "../engines/database/pools.ts";
import type { Shards } from "../engines/database/shards.ts";

/** What changing a relation needs besides the database. */
export interface RelationsContext {
  readonly db: Db;
  /** Where notifications lie, which some changes take back. */
  readonly shards: Shards;
  readonly clock: Clock;
  readonly invalidate: Invalidate;
  readonly tellWrite: TellWrite;
  readonly repair: TimelineRepair;
  /** Says that an event may wait in the outbox. */
  readonly wakeEventLog: () => void;
}

/** How stored home timelines learn of relations that add entries to them. Implemented by `feed/`. */
export interface TimelineRepair {
  /** Adds what following `targetId` brings in. */
  followed(viewerId: AccountId, targetId: AccountId, epoch: { from: bigint; to: bigint }): Promise<void>;
  /** Something else may have been added: the timeline is built anew at the next read. */
  widened(viewerId: AccountId): Promise<void>;
}
