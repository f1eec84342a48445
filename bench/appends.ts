/** Appends of a status to timelines in Redis, a chunk of viewers at a time: the last step of a delivery by itself. */
import { join } from "node:path";
import { pino } from "pino";
import { hasRedis, startRedis } from "../src/cluster/redis.ts";
import { makeId } from "../src/core/ids.ts";
import { RedisClient } from "../src/engines/redis/client.ts";
import { CHUNK_FOLLOWERS } from "../src/feed/fan-out.ts";
import { pushesWithTrims, timed, type Work } from "./redis-benchmark.ts";
import type { Figure, Measured, Part } from "./report.ts";
import { middleOf, ROUNDS, secondsOfRound, temporaryFolder } from "./support.ts";
import { buildTimelines, ENTRIES, PATIENT_MS, storeOf } from "./timelines.ts";

const VIEWERS = 10_000;
/** As many chunks as a worker delivers at a time. */
export const CHUNKS_AT_ONCE = 4;
const DAY_MS = 24 * 3600 * 1000;
const BYTES_OF_AN_ID = 8;
type Form = "single" | "cluster";

export const appends: Part = { rows: ["timelineMemory"], measure };

async function measure(seconds: number): Promise<Measured> {
  if (!hasRedis()) throw new Error("Redis isn't installed (scripts/install-engines)");
  const single = await measureForm("single", seconds);
  const cluster = await measureForm("cluster", seconds);
  return {
    conditions: `${VIEWERS} timelines of ${ENTRIES}, chunks of ${CHUNK_FOLLOWERS}, ${CHUNKS_AT_ONCE} at once`,
    figures: [
      {
        row: "timelineMemory",
        measured: single.bytesPerEntry,
        unit: "bytes",
        heldAgainst: { what: "what an id holds", value: BYTES_OF_AN_ID },
      },
      ...figuresOf("appends alone", single),
      ...figuresOf("appends alone, cluster of 3", cluster),
    ],
  };
}

function figuresOf(what: string, form: Awaited<ReturnType<typeof measureForm>>): Figure[] {
  const against = "pushes with trims by redis-benchmark, pipelined";
  return [
    {
      what,
      measured: form.rate,
      unit: "/s",
      heldAgainst: { what: against, value: form.pushes },
      ratio: form.ratio,
    },
    {
      what: `${what}: Redis's CPU time for each`,
      measured: form.appendUs,
      unit: "µs",
      heldAgainst: { what: against, value: form.pushUs },
    },
  ];
}

async function measureForm(form: Form, seconds: number) {
  using folder = temporaryFolder();
  await using servers = await startRedis({ form, folder: join(folder.path, form) });
  await using client = await RedisClient.open({
    url: servers.url,
    keyPrefix: "bench",
    log: pino({ level: "error" }),
    deadlinesMs: PATIENT_MS,
  });
  const store = storeOf(client);
  const startMs = Date.now() - DAY_MS;
  const viewers = Array.from({ length: VIEWERS }, (_, i) => makeId(startMs - i, i % 1024, 0));
  await buildTimelines(store, viewers, startMs);
  const chunks = Array.from({ length: VIEWERS / CHUNK_FOLLOWERS }, (_, i) =>
    viewers.slice(i * CHUNK_FOLLOWERS, (i + 1) * CHUNK_FOLLOWERS),
  );
  let place = 0;
  const append = async (forSeconds: number): Promise<Work> => {
    const beganMs = performance.now();
    let appended = 0;
    const worker = async () => {
      while (performance.now() - beganMs < forSeconds * 1_000) {
        place++;
        const id = makeId(startMs + ENTRIES + place, place % 1024, 0);
        // Added after the wait: what the others have counted meanwhile would be lost.
        const holding = await store.append(id, chunks[place % chunks.length] ?? []);
        appended += holding;
      }
    };
    await Promise.all(Array.from({ length: CHUNKS_AT_ONCE }, worker));
    return { count: appended, rate: appended / ((performance.now() - beganMs) / 1_000) };
  };
  await append(1);
  const [key = ""] = (await client.primaries("bulk")[0]?.keys("bench:*")) ?? [];
  const sizeBytes = Number(await client.primaries("bulk")[0]?.memory("USAGE", key));
  const ports = servers.nodes.map((node) => servers.portOf(node));
  const pushes = {
    port: servers.portOf("redis-1"),
    isCluster: form === "cluster",
    lists: VIEWERS,
    entriesMost: ENTRIES,
    connections: CHUNKS_AT_ONCE,
    pipeline: CHUNK_FOLLOWERS,
  };
  const rounds: Record<"pushed" | "appended", Awaited<ReturnType<typeof timed>>>[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    rounds.push({
      pushed: await timed(ports, () => pushesWithTrims(pushes)),
      appended: await timed(ports, () => append(secondsOfRound(seconds))),
    });
  }
  const middle = middleOf(rounds);
  return {
    rate: middle(({ appended }) => appended.rate),
    pushes: middle(({ pushed }) => pushed.rate),
    ratio: middle(({ appended, pushed }) => appended.rate / pushed.rate),
    appendUs: middle(({ appended }) => appended.redisUs),
    pushUs: middle(({ pushed }) => pushed.redisUs),
    bytesPerEntry: sizeBytes / ENTRIES,
  };
}
