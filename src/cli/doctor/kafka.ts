/** What doctor asks of Kafka, where KAFKA_BROKERS is set. */
import type { Config } from "../../config.ts";
import { inspectKafka, type KafkaFacts } from "../../engines/event-log/kafka-inspect.ts";
import type { Check, Finding } from "./command.ts";

export const kafkaChecks: readonly Check[] = [{ name: "Kafka", run: ({ config }) => kafka(config) }];

async function kafka({ kafka }: Config): Promise<Finding> {
  if (!kafka)
    return { status: "skipped", says: "KAFKA_BROKERS is not set: events are read from the database" };
  const facts = await inspectKafka(kafka);
  return facts.brokers === 0
    ? {
        status: "failed",
        says: `nothing at ${kafka.brokers.join(", ")} answers as Kafka does (${facts.silent[0]?.why})`,
        mend: "start it, or correct KAFKA_BROKERS",
      }
    : judge(facts);
}

function judge({ brokers, silent, topics }: KafkaFacts): Finding {
  const name = `${brokers} broker${brokers === 1 ? "" : "s"}`;
  const leaderless = topics.filter((topic) => topic.partitionsWithoutLeader > 0);
  if (leaderless.length > 0) {
    return {
      status: "failed",
      says: `${name}: parts of ${namesOf(leaderless)} can't be used, since the brokers that hold them are away`,
      mend: "start all brokers",
    };
  }
  const behind = topics.filter((topic) => topic.partitionsBehind > 0);
  if (behind.length > 0) {
    return {
      status: "warning",
      says: `${name}: copies of ${namesOf(behind)} are missing or behind, and one more loss could stop them`,
      mend: "start all brokers and wait until their copies have caught up",
    };
  }
  const few = topics.filter((topic) => topic.copies < Math.min(3, brokers));
  if (few.length > 0) {
    return {
      status: "warning",
      says: `${name}, but ${namesOf(few)} was made with fewer copies than that allows`,
      mend: "raise their replication factor with kafka-reassign-partitions.sh",
    };
  }
  if (silent.length > 0) {
    return {
      status: "warning",
      says: `${name}; ${silent.map(({ address, why }) => `${address} doesn't answer (${why})`).join(", ")}`,
      mend: "start it, or take it out of KAFKA_BROKERS",
    };
  }
  const copies = Math.min(...topics.map((topic) => topic.copies));
  const kept =
    topics.length === 0 ? "no topics yet" : `${topics.length} topics, ${copies} copies of each record`;
  return { status: "ok", says: `${name}, ${kept}` };
}

function namesOf(topics: readonly { name: string }[]): string {
  const [first, ...others] = topics;
  return others.length === 0 ? `${first?.name}` : `${first?.name} and ${others.length} more`;
}
