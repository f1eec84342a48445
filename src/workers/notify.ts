/** Event log → notifications, and open streams that wait for them. */
import { ignoreUnavailable } from "../core/errors.ts";
import { type DomainEvent, decodeRecord } from "../core/events.ts";
import type { Database } from "../engines/database/pools.ts";
import { EVENTS_TOPIC } from "../engines/event-log/outbox.ts";
import type { Consumer, EventLog } from "../engines/event-log/port.ts";
import type { LiveBus } from "../engines/live-bus/port.ts";
import { type LiveMessage, notificationChannel } from "../feed/live.ts";
import { type Created, notify } from "../notifications/notify.ts";
import type { StatusCache } from "../statuses/records.ts";
import { NOTIFICATIONS_GROUP } from "./groups.ts";

const MAX_EVENTS = 200;

export function startNotify(context: {
  database: Database;
  statuses: StatusCache;
  eventLog: EventLog;
  liveBus: LiveBus;
  /** See `ApiContext.catchUp`. */
  catchUp: () => Promise<void>;
}): Promise<Consumer> {
  const { database, statuses, eventLog, liveBus, catchUp } = context;
  return eventLog.consume({
    topic: EVENTS_TOPIC,
    group: NOTIFICATIONS_GROUP,
    maxRecords: MAX_EVENTS,
    handle: async (payloads) => {
      await catchUp();
      const events = payloads.map(decodeRecord<DomainEvent>);
      // They are in the database by now; streams miss what happens while the bus is away.
      for await (const created of notify({ database, statuses }, events))
        await tellStreams(liveBus, created).catch(ignoreUnavailable);
    },
  });
}

/** Most recipients have no stream open: who has is asked once, for all of them. */
async function tellStreams(liveBus: LiveBus, created: readonly Created[]): Promise<void> {
  if (created.length === 0) return;
  const channels = new Set(created.map(({ accountId }) => notificationChannel(accountId)));
  const listening = new Set(await liveBus.listening([...channels]));
  for (const { id, accountId } of created) {
    const channel = notificationChannel(accountId);
    const message: LiveMessage = { type: "notification", notificationId: id };
    if (listening.has(channel)) await liveBus.publish(channel, message);
  }
}
