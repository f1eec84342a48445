/** Event log → what a change leaves to do in other databases. Runs where what accounts own lies in several. */
import { type DomainEvent, decodeRecord } from "../core/events.ts";
import type { Invalidate } from "../core/invalidation.ts";
import type { Database } from "../engines/database/pools.ts";
import { EVENTS_TOPIC } from "../engines/event-log/outbox.ts";
import type { Consumer, EventLog } from "../engines/event-log/port.ts";
import { followUp } from "../statuses/follow-up.ts";
import type { StatusCache } from "../statuses/records.ts";
import { FOLLOW_UP_GROUP } from "./groups.ts";

const MAX_EVENTS = 200;

export function startFollowUp(context: {
  database: Database;
  statuses: StatusCache;
  eventLog: EventLog;
  invalidate: Invalidate;
  /** See `ApiContext.catchUp`. */
  catchUp: () => Promise<void>;
}): Promise<Consumer> {
  return context.eventLog.consume({
    topic: EVENTS_TOPIC,
    group: FOLLOW_UP_GROUP,
    maxRecords: MAX_EVENTS,
    handle: async (payloads) => {
      await context.catchUp();
      await followUp(context, payloads.map(decodeRecord<DomainEvent>));
    },
  });
}
