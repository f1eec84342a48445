import { KafkaReader, type KafkaTopics, laterOf, unavailable } from "./kafka-client.ts";
import type { Lag } from "./port.ts";

/** Enough for the batch that the oldest record is in; a batch is given whole whatever its size. */
const BYTES_MAX = 1_024;
const WAIT_MS = 100;

/** Records of all partitions that the group hasn't consumed, and the age of the oldest, which is read for its time. */
export async function lagOf(topics: KafkaTopics, group: string, topic: string, nowMs: number): Promise<Lag> {
  const [committed, bounds] = await Promise.all([topics.committed(group, topic), topics.bounds(topic)]);
  let records = 0;
  const oldest = new Map<number, bigint>();
  bounds.forEach(({ first, end }, partition) => {
    const next = laterOf(committed[partition] ?? first, first);
    if (next >= end) return;
    records += Number(end - next);
    oldest.set(partition, next);
  });
  if (records === 0) return { records: 0, oldestAgeMs: 0 };
  await using reader = new KafkaReader(topics.options, topics.nameOf(topic));
  try {
    let since = nowMs;
    for (const [node, partitions] of await reader.leaders(oldest.keys())) {
      const offsets = new Map(partitions.map((partition) => [partition, oldest.get(partition) ?? 0n]));
      for (const { records: found } of await reader.fetch(node, offsets, {
        waitMs: WAIT_MS,
        partitionBytesMax: BYTES_MAX,
      })) {
        for (const { timestampMs } of found.slice(0, 1)) since = Math.min(since, timestampMs);
      }
    }
    return { records, oldestAgeMs: Math.max(0, nowMs - since) };
  } catch (error) {
    throw unavailable(topics.options, error);
  }
}
