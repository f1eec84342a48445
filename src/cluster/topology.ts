/**
 * What a local cluster consists of, as data: which processes, on which ports, who needs whom, and how Roost is told
 * where everything is. Ports follow from one base port, so that addresses stay the same from one day to the next.
 */

import type { Group, Part } from "./cluster.ts";
import { hasHaproxy, startHaproxy } from "./haproxy.ts";
import { brokersKnownBy, hasKafka, startKafka } from "./kafka.ts";
import { answers, postgresPrograms, startPlainPostgres } from "./plain-postgres.ts";
import { accepts, launch } from "./process.ts";
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
  const settings = {
    ...options.settings,
    ...engineSettings(options),
    HOST: "127.0.0.1",
    PUBLIC_URL: options.settings.PUBLIC_URL ?? `http://localhost:${options.basePort}`,
    TRUSTED_PROXIES: "127.0.0.1",
    DATA_DIR: options.roostDir,
  };
  const api = [options.basePort + 2, options.basePort + 3];
  return {
    groups: [
      postgres(options),
      redis(options),
      kafka(options),
      roost(options, settings, api),
      front(options, api),
    ],
    settings,
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
  const postgresUrls = postgresPorts(chosen).map((port) => `postgres://roost@${local(port)}/${database}`);
  return {
    DATABASE_URL: postgresUrls[0] ?? "",
    DATABASE_REPLICA_URLS: postgresUrls.slice(1).join(","),
    REDIS_URL: `redis+cluster://${redisPorts(chosen).map(local).join(",")}`,
    KAFKA_BROKERS: kafkaPorts(chosen).map(local).join(","),
  };
}

function postgresPorts({ basePort }: Chosen): number[] {
  return [0, 1, 2].map((n) => basePort + 11 + n);
}

function redisPorts({ basePort }: Chosen): number[] {
  return [0, 1, 2].map((n) => basePort + 30 + n);
}

function kafkaPorts({ basePort, brokers }: Chosen): number[] {
  return Array.from({ length: brokers }, (_, n) => basePort + 40 + n);
}

function postgres(chosen: Chosen): Group {
  const ports = postgresPorts(chosen);
  const names = ports.map((_, n) => `pg-${n + 1}`);
  const role = (n: number) => (n === 0 ? "the database: every write" : "a replica: reads");
  return {
    name: "postgres",
    title: "PostgreSQL",
    needs: [],
    parts: ports.map((port, n) => ({
      name: names[n] ?? "",
      what: role(n),
      ports: [port],
      isReady: () => answers(port),
      // Ends sessions instead of waiting for them.
      stopSignal: "SIGINT" as const,
    })),
    missing: () => (postgresPrograms() ? null : "PostgreSQL 15 or later isn't installed"),
    setUp: (folder) => startPlainPostgres({ folder, ports, names, databases: ["roost"] }),
    readyMsMax: 30_000,
  };
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

function roost(options: TopologyOptions, settings: Record<string, string>, ports: number[]): Group {
  const [command, ...args] = options.roost;
  return {
    name: "roost",
    title: "Roost",
    needs: ["postgres", "redis", "kafka"],
    parts: ports.map((port, n) => {
      const name = `roost-${n + 1}`;
      const isReady = () => isOk(`http://127.0.0.1:${port}/readyz`);
      return {
        name,
        what: "Roost, in all roles",
        ports: [port],
        isReady,
        launch: (folder) =>
          launch({
            name,
            folder,
            command,
            args: [...args, "start"],
            env: { ...settings, PORT: `${port}`, NO_COLOR: "1" },
            isReady,
            readyMsMax: 60_000,
          }),
      };
    }),
    readyMsMax: 60_000,
  };
}

function front({ basePort }: Chosen, servers: number[]): Group {
  const isReady = () => isOk(`http://127.0.0.1:${basePort}/readyz`);
  const name = "haproxy";
  return {
    name,
    title: "HAProxy",
    needs: ["roost"],
    parts: [
      {
        name,
        what: "the one address: gives each request to an API process that is ready",
        ports: [basePort],
        isReady,
        launch: (folder) => startHaproxy({ name, folder, port: basePort, servers }),
      },
    ],
    missing: () => (hasHaproxy() ? null : "HAProxy isn't installed"),
    readyMsMax: 20_000,
  };
}

async function isOk(url: string): Promise<boolean> {
  return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
}

function part(name: string, what: string, port: number, ...others: number[]): Part {
  return { name, what, ports: [port, ...others], isReady: () => accepts(port) };
}
