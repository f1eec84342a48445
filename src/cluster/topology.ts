/**
 * What a local cluster consists of, as data: which processes, on which ports, who needs whom, and how Roost is told
 * where everything is. Ports follow from one base port, so that addresses stay the same from one day to the next.
 */

import type { Group, Part } from "./cluster.ts";
import { brokersKnownBy, hasKafka, startKafka } from "./kafka.ts";
import { accepts } from "./process.ts";
import { askRedis, hasRedis, startRedis } from "./redis.ts";

/** What was chosen when it was set up, and stays. */
export interface Chosen {
  /** The address people open; the ports after it are the parts'. */
  readonly basePort: number;
  /** Of Kafka. */
  readonly brokers: 1 | 3;
}

export interface TopologyOptions extends Chosen {
  /** Settings of Roost that somebody has chosen, by name. */
  readonly settings: Readonly<Record<string, string>>;
  /** Where Roost's own processes keep media and mail. */
  readonly roostDir: string;
  /** The command that runs Roost: a program and its first arguments. */
  readonly roost: readonly [string, ...string[]];
}

/** Ports that belong to a cluster: the base port and those after it. */
export const PORTS = 60;

export interface Topology {
  readonly groups: readonly Group[];
  /** What every process of Roost is told. */
  readonly settings: Readonly<Record<string, string>>;
}

export function topology(options: TopologyOptions): Topology {
  return {
    groups: [redis(options), kafka(options)],
    settings: { ...options.settings, ...engineSettings(options) },
  };
}

function kafka(chosen: Chosen): Group {
  const { brokers } = chosen;
  const ports = kafkaPorts(chosen);
  const controllerPorts = ports.map((port) => port + 3);
  return {
    name: "kafka",
    title: "Kafka",
    needs: [],
    parts: ports.map((port, n) => part(`kafka-${n + 1}`, "events, in order", port, controllerPorts[n] ?? 0)),
    missing: () => (hasKafka() ? null : "Kafka isn't installed, or there is no Java"),
    setUp: (folder) => startKafka({ folder, brokers, ports: [...ports, ...controllerPorts] }),
    isReady: async () => {
      const known = await Promise.all(ports.map((port) => brokersKnownBy(port)));
      return known.every(({ length }) => length === brokers);
    },
    readyMsMax: 45_000,
  };
}

/** Where the engines are, as Roost is told. A database of another name is another Roost's. */
export function engineSettings(chosen: Chosen, database = "roost"): Record<string, string> {
  const local = (port: number) => `127.0.0.1:${port}`;
  return {
    DATABASE_URL: `postgres://roost@${local(chosen.basePort + 10)}/${database}`,
    DATABASE_DIRECT_URL: `postgres://roost@${local(chosen.basePort + 11)}/${database}`,
    REDIS_URL: `redis+cluster://${redisPorts(chosen).map(local).join(",")}`,
    KAFKA_BROKERS: kafkaPorts(chosen).map(local).join(","),
  };
}

function redisPorts({ basePort }: Chosen): number[] {
  return [0, 1, 2].map((n) => basePort + 30 + n);
}

function kafkaPorts({ basePort, brokers }: Chosen): number[] {
  return Array.from({ length: brokers }, (_, n) => basePort + 40 + n);
}

function redis(chosen: Chosen): Group {
  const ports = redisPorts(chosen);
  return {
    name: "redis",
    title: "Redis Cluster",
    needs: [],
    parts: ports.map((port, n) => part(`redis-${n + 1}`, "timelines, caches' log, limits", port)),
    missing: () => (hasRedis() ? null : "redis-server isn't installed"),
    setUp: (folder) => startRedis({ form: "cluster", folder, ports }),
    isReady: async () => {
      const told = await Promise.all(ports.map((port) => askRedis(port, "cluster", "info")));
      return told.every((info) => `${info}`.includes("cluster_state:ok"));
    },
    readyMsMax: 20_000,
  };
}

function part(name: string, what: string, port: number, ...others: number[]): Part {
  return { name, what, ports: [port, ...others], isReady: () => accepts(port) };
}
