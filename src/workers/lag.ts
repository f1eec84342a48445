/** How far every group of consumers is behind, whichever process consumes for it. */
import { EVENTS_TOPIC } from "../engines/event-log/outbox.ts";
import type { EventLog, Lag } from "../engines/event-log/port.ts";
import { CONSUMPTIONS, type Consumption, RELAY_GROUP } from "./groups.ts";

export interface GroupLag extends Consumption, Lag {
  readonly log: "database" | "kafka";
}

/** In the order that records flow. */
export async function lagOfGroups(outbox: EventLog, eventLog: EventLog): Promise<GroupLag[]> {
  const lags: GroupLag[] = [];
  const isRelayed = outbox !== eventLog;
  if (isRelayed) {
    const relay = { topic: EVENTS_TOPIC, group: RELAY_GROUP };
    lags.push({ ...relay, log: "database", ...(await outbox.lag(relay.topic, relay.group)) });
  }
  for (const { topic, group } of CONSUMPTIONS) {
    lags.push({ topic, group, log: isRelayed ? "kafka" : "database", ...(await eventLog.lag(topic, group)) });
  }
  return lags;
}
