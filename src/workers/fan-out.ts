/** The planner and the workers of fan-out: event log → chunks in lanes → timelines and open streams. */
import type { Logger } from "pino";
import { type DomainEvent, decodeRecord, encodeRecord, type FanOutChunk } from "../core/events.ts";
import type { AccountId, StatusId } from "../core/ids.ts";
import { EVENTS_TOPIC } from "../engines/event-log/outbox.ts";
import type { Consumer, EventLog } from "../engines/event-log/port.ts";
import type { LiveBus } from "../engines/live-bus/port.ts";
import {
  cutWhole,
  type DeliverContext,
  type Delivery,
  deliverChunks,
  LANES,
  type Lane,
  type PlanContext,
  planFanOut,
} from "../feed/fan-out.ts";
import { homeChannel, type LiveMessage, STATUS_CHANNEL } from "../feed/live.ts";
import { FAN_OUT_GROUP, laneTopic } from "./groups.ts";

export interface FanOutContext extends PlanContext, DeliverContext {
  readonly eventLog: EventLog;
  readonly liveBus: LiveBus;
  readonly log: Logger;
  /** See `ApiContext.catchUp`. */
  readonly catchUp: () => Promise<void>;
  readonly onDelivered: (lane: Lane, statusId: StatusId, deliveries: number) => void;
}

const MAX_EVENTS = 200;
const MAX_CHUNKS = 50;
/** Redis looks all of them up before it answers anybody else. */
const CHANNELS_AT_ONCE = 2_000;

export async function startFanOut(context: FanOutContext): Promise<Consumer[]> {
  const planner = context.eventLog.consume({
    topic: EVENTS_TOPIC,
    group: FAN_OUT_GROUP,
    maxRecords: MAX_EVENTS,
    handle: (payloads) => planBatch(context, payloads.map(decodeRecord<DomainEvent>)),
  });
  const workers = LANES.map((lane) =>
    context.eventLog.consume({
      topic: laneTopic(lane),
      group: FAN_OUT_GROUP,
      // Large chunks are a thousand deliveries each: few at a time keep the event loop free for requests.
      maxRecords: lane === "small" ? MAX_CHUNKS : 4,
      handle: (payloads) => deliverBatch(context, lane, payloads.map(decodeRecord<FanOutChunk>)),
    }),
  );
  return Promise.all([planner, ...workers]);
}

async function planBatch(context: FanOutContext, events: readonly DomainEvent[]): Promise<void> {
  await context.catchUp();
  const plan = await planFanOut(context, events);
  for (const lane of LANES) {
    await publishChunks(
      context,
      lane,
      plan.chunks.filter((planned) => planned.lane === lane).map(({ chunk }) => chunk),
    );
  }
  await tellStreams(context.liveBus, events, plan.pulled);
}

/**
 * Each finds its place in a timeline by its id, so chunks need no order: those of a large audience are spread by their
 * followers, for all processes to share in. Those of a small one stay in the order of their author, for streams.
 */
async function publishChunks(
  { eventLog }: FanOutContext,
  lane: Lane,
  chunks: readonly FanOutChunk[],
): Promise<void> {
  const records = chunks.map((chunk) => ({
    key: lane === "large" && !chunk.isWhole ? chunk.fromId : chunk.authorId,
    payload: encodeRecord(chunk),
  }));
  await eventLog.publish(laneTopic(lane), records);
}

/** Edits, deletions and posts in pull mode go to every process with open streams; each knows who cares. */
async function tellStreams(
  liveBus: LiveBus,
  events: readonly DomainEvent[],
  pulled: readonly { statusId: StatusId; authorId: AccountId }[],
): Promise<void> {
  for (const event of events) {
    if (event.type === "status.deleted") {
      const { inReplyToId, reblogOfId, ...message } = event;
      await liveBus.publish(STATUS_CHANNEL, message satisfies LiveMessage);
    } else if (event.type === "status.edited" || event.type === "status.published") {
      const { type, statusId, authorId } = event;
      await liveBus.publish(STATUS_CHANNEL, { type, statusId, authorId } satisfies LiveMessage);
    }
  }
  for (const { statusId, authorId } of pulled) {
    await liveBus.publish(STATUS_CHANNEL, {
      type: "status.pulled",
      statusId,
      authorId,
    } satisfies LiveMessage);
  }
}

async function deliverBatch(
  context: FanOutContext,
  lane: Lane,
  chunks: readonly FanOutChunk[],
): Promise<void> {
  await context.catchUp();
  for (const whole of chunks.filter((chunk) => chunk.isWhole)) {
    await publishChunks(context, lane, await cutWhole(context.database, whole));
  }
  const deliveries = await deliverChunks(
    context,
    chunks.filter((chunk) => !chunk.isWhole),
  );
  for (const { statusId, viewers } of deliveries) context.onDelivered(lane, statusId, viewers.length);
  await tellViewers(context.liveBus, deliveries);
}

async function tellViewers(liveBus: LiveBus, deliveries: readonly Delivery[]): Promise<void> {
  const listening = await listeners(liveBus, new Set(deliveries.flatMap(({ viewers }) => viewers)));
  for (const { statusId, authorId, viewers } of deliveries) {
    for (const viewer of viewers.filter((viewer) => listening.has(viewer))) {
      const message = { type: "status.delivered", statusId, authorId } satisfies LiveMessage;
      await liveBus.publish(homeChannel(viewer), message);
    }
  }
}

/** Asked once for all deliveries of a batch, since many go to the same viewers: asking costs more than delivering. */
async function listeners(liveBus: LiveBus, viewers: ReadonlySet<AccountId>): Promise<ReadonlySet<AccountId>> {
  const byChannel = new Map([...viewers].map((viewer) => [homeChannel(viewer), viewer]));
  const channels = [...byChannel.keys()];
  const found = new Set<AccountId>();
  for (let from = 0; from < channels.length; from += CHANNELS_AT_ONCE) {
    const asked = channels.slice(from, from + CHANNELS_AT_ONCE);
    for (const channel of await liveBus.listening(asked)) {
      const viewer = byChannel.get(channel);
      if (viewer !== undefined) found.add(viewer);
    }
  }
  return found;
}
