/**
 * Deliveries from end to end: events in the event log → planner → chunks in lanes → follower pages with their filters in
 * PostgreSQL → appends to timelines in Redis, by one `roost fanout` process.
 */

import type { Roost } from "../src/composition.ts";
import { systemClock } from "../src/core/clock.ts";
import { KafkaEventLog } from "../src/engines/event-log/kafka.ts";
import { EVENTS_TOPIC } from "../src/engines/event-log/outbox.ts";
import type { EventLog } from "../src/engines/event-log/port.ts";
import { PostgresEventLog } from "../src/engines/event-log/postgres.ts";
import { CHUNK_FOLLOWERS } from "../src/feed/fan-out.ts";
import { CHUNKS_AT_ONCE } from "./appends.ts";
import { type Audience, deliveriesOf, fillAudience, type Post, writePosts } from "./audience.ts";
import { deliveredBy, untilDelivered } from "./metrics.ts";
import { cpuSecondsOf, type Engines, familyOf, startEngines, startServer } from "./processes.ts";
import { pushesWithTrims, timed } from "./redis-benchmark.ts";
import type { Figure, Measured, Part } from "./report.ts";
import { middleOf, prepare, ROUNDS, secondsOfRound, temporaryFolder } from "./support.ts";
import { ENTRIES, storeTimelines } from "./timelines.ts";

/** What a round is sized for. */
const RATE_EXPECTED = 100_000;
const DAY_MS = 24 * 3600 * 1000;

export const deliveries: Part = { rows: ["deliveries"], measure: (seconds) => measure("kafka", seconds) };
export const deliveriesFromOutbox: Part = {
  rows: ["deliveriesFromOutbox"],
  measure: (seconds) => measure("postgres", seconds),
};

type Log = "kafka" | "postgres";

async function measure(log: Log, seconds: number): Promise<Measured> {
  using folder = temporaryFolder();
  await using engines = await startEngines(folder.path, { kafka: log === "kafka" });
  // Awaited here: the engines must stay until the work is done.
  return await prepare(engines.settings, async (roost) => {
    const audience = await fillAudience(roost);
    await storeTimelines(roost, audience.viewers);
    await using eventLog = openEventLog(log, roost);
    await using server = await startServer(engines.settings, { command: "fanout" });
    const processes = processesOf(engines, server.pid);
    const followersMean = audience.viewers.length / audience.authors.length;
    const posts = Math.ceil((secondsOfRound(seconds) * RATE_EXPECTED) / followersMean);
    let startMs = Date.now() - DAY_MS;
    const nextPosts = async () => {
      const written = await writePosts(roost, audience, posts, startMs);
      startMs += posts;
      return { posts: written, deliveries: await deliveriesOf(roost, written) };
    };
    await deliver(eventLog, server.url, await nextPosts());
    const rounds: Round[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const work = await nextPosts();
      const pushes = await timed([engines.redisPort], () => pushesWithTrims(pushesLike(engines, audience)));
      const before = processes.map(({ pids }) => cpuSecondsOf(pids()));
      const rate = await deliver(eventLog, server.url, work);
      const cpuUs = processes.map(
        ({ pids }, i) => ((cpuSecondsOf(pids()) - (before[i] ?? 0)) * 1e6) / work.deliveries,
      );
      rounds.push({ rate, pushes: pushes.rate, pushUs: pushes.redisUs, cpuUs, deliveries: work.deliveries });
    }
    const middle = middleOf(rounds);
    const perPost = Math.round(middle((round) => round.deliveries) / posts);
    const figures: Figure[] = processes.map(({ name }, i) => ({
      what: `CPU time of a delivery: ${name}`,
      measured: middle(({ cpuUs }) => cpuUs[i] ?? 0),
      unit: "µs",
      ...(name === "Redis"
        ? { heldAgainst: { what: "a push with its trim", value: middle(({ pushUs }) => pushUs) } }
        : {}),
    }));
    return {
      conditions: `${posts} posts a round, each to ${perPost} followers on average (audiences of 75 to 5,000; 20 % answers, 10 % boosts), ${audience.viewers.length} timelines of ${ENTRIES}`,
      figures: [
        {
          row: log === "kafka" ? "deliveries" : "deliveriesFromOutbox",
          measured: middle(({ rate }) => rate),
          unit: "/s",
          heldAgainst: {
            what: "pushes with trims by redis-benchmark, pipelined",
            value: middle(({ pushes }) => pushes),
          },
          ratio: middle(({ rate, pushes }) => rate / pushes),
        },
        ...figures,
      ],
    };
  });
}

interface Round {
  readonly rate: number;
  readonly pushes: number;
  /** Of Redis's CPU time. */
  readonly pushUs: number;
  readonly deliveries: number;
  /** Of a delivery, by process. */
  readonly cpuUs: readonly number[];
}

function openEventLog(which: Log, { config, database, log }: Roost): EventLog {
  if (which === "postgres")
    return new PostgresEventLog({ database, log, clock: systemClock, isAlone: false });
  if (!config.kafka) throw new Error("there is no Kafka for the events");
  return new KafkaEventLog({ ...config.kafka, log, clock: systemClock });
}

function pushesLike({ redisPort }: Engines, { viewers }: Audience) {
  return {
    port: redisPort,
    isCluster: false,
    lists: viewers.length,
    entriesMost: ENTRIES,
    connections: CHUNKS_AT_ONCE,
    pipeline: CHUNK_FOLLOWERS,
  };
}

function processesOf({ pids }: Engines, fanOutPid: number) {
  return [
    { name: "roost fanout", pids: () => [fanOutPid] },
    { name: "PostgreSQL", pids: () => familyOf(pids.postgres) },
    { name: "Redis", pids: () => [pids.redis] },
    ...(pids.kafka === null ? [] : [{ name: "Kafka", pids: () => [pids.kafka ?? 0] }]),
  ];
}

/** Deliveries a second, from the publishing of the first event to the last delivery. */
async function deliver(
  eventLog: EventLog,
  url: string,
  work: { posts: readonly Post[]; deliveries: number },
): Promise<number> {
  const before = await deliveredBy(url);
  const startMs = performance.now();
  await eventLog.publish(
    EVENTS_TOPIC,
    work.posts.map(({ id, authorId }) => ({
      key: authorId,
      payload: JSON.stringify({ type: "status.published", statusId: `${id}`, authorId: `${authorId}` }),
    })),
  );
  await untilDelivered(url, before + work.deliveries);
  return work.deliveries / ((performance.now() - startMs) / 1_000);
}
