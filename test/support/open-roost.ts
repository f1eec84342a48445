/** A Roost whose inside a test reaches: caches are lost, modes switched, and it is known when nothing is under way. */
import { sql } from "kysely";
import { askRedis } from "../../src/cluster/redis.ts";
import { openRoost, type Roost } from "../../src/composition.ts";
import { loadConfig } from "../../src/config.ts";
import { KafkaTopics } from "../../src/engines/event-log/kafka-client.ts";
import { lagOf } from "../../src/engines/event-log/kafka-lag.ts";
import { EVENTS_TOPIC } from "../../src/engines/event-log/outbox.ts";
import { LANES } from "../../src/feed/fan-out.ts";
import { laneTopic } from "../../src/workers/groups.ts";
import { tenantSettings, testCluster } from "./cluster-tenant.ts";
import { makeDataDir, removeDataDir, startRoost } from "./start-roost.ts";

export interface OpenedRoost extends AsyncDisposable, Pick<Roost, "database" | "modes" | "isIdle"> {
  readonly url: string;
  /** Everything that is kept beside the database is gone. */
  loseCaches(): Promise<void>;
}

const SETTINGS = { PORT: "0", HOST: "127.0.0.1", RATE_LIMITS: "off", LOG_LEVEL: "error" };

/** In this process; with TEST_CLUSTER, processes on that cluster, which this one reaches by way of the engines. */
export async function openTestRoost(env: Readonly<Record<string, string>>): Promise<OpenedRoost> {
  const dataDir = makeDataDir();
  if (testCluster) return onCluster(dataDir, env);
  const roost = await openRoost(loadConfig({ ...SETTINGS, DATA_DIR: dataDir, ...env }).config);
  return {
    database: roost.database,
    modes: roost.modes,
    loseCaches: async () => roost.loseCaches(),
    isIdle: () => roost.isIdle(),
    url: await roost.listen(),
    [Symbol.asyncDispose]: async () => {
      await roost[Symbol.asyncDispose]();
      await removeDataDir(dataDir);
    },
  };
}

async function onCluster(dataDir: string, env: Readonly<Record<string, string>>): Promise<OpenedRoost> {
  const running = await startRoost({ dataDir, env });
  const settings: Readonly<Record<string, string>> = {
    ...tenantSettings(dataDir),
    PUBLIC_URL: running.url,
    ...env,
  };
  const { config } = loadConfig(settings);
  const roost = await openRoost(config, { roles: "none" });
  const topics = config.kafka && new KafkaTopics(config.kafka);
  return {
    database: roost.database,
    modes: roost.modes,
    // What is cached in a process is forgotten when it finds that the log it follows is another.
    loseCaches: async () => {
      const ports = (settings.REDIS_URL ?? "").match(/(?<=:)\d+/g) ?? [];
      await Promise.all(ports.map((port) => askRedis(Number(port), "flushall")));
    },
    isIdle: async () => (await isConsumed(roost)) && (topics === null || (await isCarried(topics))),
    url: running.url,
    [Symbol.asyncDispose]: async () => {
      await topics?.[Symbol.asyncDispose]();
      await roost[Symbol.asyncDispose]();
      await running.stop();
      await removeDataDir(dataDir);
    },
  };
}

/** Whether every record of the log in the database was consumed by every group of its topic. */
async function isConsumed({ database }: Roost): Promise<boolean> {
  const { rows } = await sql<{ waiting: boolean }>`select exists (
    select from event_log e left join event_offsets o using (topic)
    where o.topic is null or (e.transaction_id, e.position) > (o.transaction_id, o.position)) as waiting`.execute(
    database.db,
  );
  return !rows[0]?.waiting;
}

/** As above, in Kafka; in the order that records flow. */
async function isCarried(topics: KafkaTopics): Promise<boolean> {
  const groups = [
    ["fan-out", EVENTS_TOPIC],
    ["notifications", EVENTS_TOPIC],
    ...LANES.map((lane) => ["fan-out", laneTopic(lane)]),
  ] as const;
  for (const [group = "", topic = ""] of groups)
    if ((await lagOf(topics, group, topic, Date.now())).records > 0) return false;
  return true;
}
