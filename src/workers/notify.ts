/** Event log → notifications, and open streams that wait for them. */
import { type DomainEvent, decodeRecord } from "../core/events.ts";
import type { Database } from "../engines/database/pools.ts";
import { EVENTS_TOPIC } from "../engines/event-log/outbox.ts";
import type { Consumer, EventLog } from "../engines/event-log/port.ts";
import type { LiveBus } from "../engines/live-bus/port.ts";
import { type LiveMessage, notificationChannel } from "../feed/live.ts";
import { notify } from "../notifications/notify.ts";
import type { StatusCache } from "../statuses/records.ts";

const MAX_EVENTS = 200;

export function startNotify(context: {
  database: Database;
  statuses: StatusCache;
  eventLog: EventLog;
  liveBus: LiveBus;
}): Promise<Consumer> {
  const { database, statuses, eventLog, liveBus } = context;
  return eventLog.consume({
    topic: EVENTS_TOPIC,
    group: "notifications",
    maxRecords: MAX_EVENTS,
    handle: async (payloads) => {
      const created = await notify({ db: database.db, statuses }, payloads.map(decodeRecord<DomainEvent>));
      for (const { id, accountId } of created) {
        const message: LiveMessage = { type: "notification", notificationId: id };
        await liveBus.publish(notificationChannel(accountId), message);
      }
    },
  });
}
