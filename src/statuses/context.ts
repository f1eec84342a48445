import type { Clock } from "../core/clock.ts";
import type { AccountId, StatusId } from "../core/ids.ts";
import type { Invalidate, TellWrite } from "../core/invalidation.ts";
import type { Database } from "../engines/database/pools.ts";
import type { RelationsCache } from "../relations/relations.ts";
import type { StatusInserter } from "./insert.ts";
import type { StatusCache } from "./records.ts";

/** What changing a status needs. */
export interface StatusesContext {
  readonly database: Database;
  readonly clock: Clock;
  readonly statuses: StatusCache;
  readonly inserter: StatusInserter;
  readonly relations: RelationsCache;
  readonly invalidate: Invalidate;
  readonly tellWrite: TellWrite;
  /** Puts a new status into its author's own home timeline before the author is answered. */
  readonly showToAuthor: (statusId: StatusId, authorId: AccountId) => Promise<void>;
  /** Says that an event waits in the outbox. */
  readonly wakeEventLog: () => void;
  readonly ownHost: string;
  readonly maxCharacters: number;
}
