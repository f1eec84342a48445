/** What there is of Kafka, for who asks whether it will do. Changes nothing. */
import { Admin, type ClusterMetadata } from "@platformatic/kafka";
import { clientOptions, closed, clusterOf, type KafkaOptions, quiet, reasonOf } from "./kafka-client.ts";

export interface KafkaFacts {
  /** Those that are up. */
  readonly brokers: number;
  /** Addresses of the setting that don't answer, and why. */
  readonly silent: readonly { readonly address: string; readonly why: string }[];
  /** Those of this Roost. */
  readonly topics: readonly TopicFacts[];
}

export interface TopicFacts {
  readonly name: string;
  readonly copies: number;
  readonly partitionsWithoutLeader: number;
  /** With fewer copies up to date than there should be. */
  readonly partitionsBehind: number;
}

export async function inspectKafka(options: KafkaOptions): Promise<KafkaFacts> {
  const silent: { address: string; why: string }[] = [];
  let cluster: ClusterMetadata | null = null;
  await Promise.all(
    options.brokers.map(async (address) => {
      try {
        cluster = await clusterOf({ ...options, brokers: [address] });
      } catch (error) {
        silent.push({ address, why: reasonOf(error) });
      }
    }),
  );
  if (!cluster) return { brokers: 0, silent, topics: [] };
  const answering = options.brokers.filter((address) => !silent.some((entry) => entry.address === address));
  const topics = await topicsOf({ ...options, brokers: answering });
  return { brokers: (cluster as ClusterMetadata).brokers.size, silent, topics };
}

async function topicsOf(options: KafkaOptions): Promise<TopicFacts[]> {
  const admin = quiet(new Admin(clientOptions(options)));
  try {
    const names = (await admin.listTopics()).filter((name) => name.startsWith(`${options.topicPrefix}.`));
    if (names.length === 0) return [];
    const { topics } = await admin.metadata({ topics: names });
    return [...topics].map(([name, { partitions }]) => ({
      name,
      copies: Math.min(...partitions.map(({ replicas }) => replicas.length)),
      partitionsWithoutLeader: partitions.filter(({ leader }) => leader < 0).length,
      partitionsBehind: partitions.filter(({ isr, replicas }) => isr.length < replicas.length).length,
    }));
  } finally {
    await closed(admin.close());
  }
}
