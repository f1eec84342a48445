/** Who consumes which topic, by the names under which the event log keeps their places. */
import { EVENTS_TOPIC } from "../engines/event-log/outbox.ts";
import { LANES, type Lane } from "../feed/fan-out.ts";

export const RELAY_GROUP = "relay";
export const FAN_OUT_GROUP = "fan-out";
export const NOTIFICATIONS_GROUP = "notifications";
/** Consumes only where shards are spread over several databases. */
export const FOLLOW_UP_GROUP = "follow-up";

export function laneTopic(lane: Lane): string {
  return `fan-out.${lane}`;
}

export interface Consumption {
  readonly topic: string;
  readonly group: string;
}

/** In the order that records flow. */
export const CONSUMPTIONS: readonly Consumption[] = [
  { topic: EVENTS_TOPIC, group: FAN_OUT_GROUP },
  ...LANES.map((lane) => ({ topic: laneTopic(lane), group: FAN_OUT_GROUP })),
  { topic: EVENTS_TOPIC, group: NOTIFICATIONS_GROUP },
];
