/**
 * The outbox → the event log that all consumers share. Events are written to the outbox in the transaction of their
 * change, and come from there to Kafka in the order of their commits, so that those of one author keep their order: the
 * outbox is read by one process at a time, and the next batch is read after the one before it is acknowledged.
 */
import { EVENTS_TOPIC } from "../engines/event-log/outbox.ts";
import type { Consumer, EventLog } from "../engines/event-log/port.ts";
import { RELAY_GROUP } from "./groups.ts";

/** What came in the meantime goes as one: one request to the broker for each event would be a hundred times slower. */
const MAX_EVENTS = 500;

export function startRelay({
  outbox,
  eventLog,
}: {
  outbox: EventLog;
  eventLog: EventLog;
}): Promise<Consumer> {
  return outbox.consume({
    topic: EVENTS_TOPIC,
    group: RELAY_GROUP,
    maxRecords: MAX_EVENTS,
    handle: (payloads, keys) =>
      eventLog.publish(
        EVENTS_TOPIC,
        payloads.map((payload, i) => ({ key: keys[i] ?? 0n, payload: JSON.stringify(payload) })),
      ),
  });
}
