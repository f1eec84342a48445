/**
 * What a local cluster consists of, as data: which processes, on which ports, who needs whom, and how Roost is told
 * where everything is. Ports follow from one base port, so that addresses stay the same from one day to the next.
 */

import type { Group, Part } from "./cluster.ts";
import { hasHaproxy, startHaproxy, startPostgresProxy } from "./haproxy.ts";
import { brokersKnownBy, hasKafka, startKafka } from "./kafka.ts";
import {
  hasEtcd,
  isPatroniReady,
  isReplicated,
  missingForPatroni,
  type PatroniNode,
  roleOf,
  startEtcd,
  startPatroni,
} from "./patroni.ts";
import { hasPgBouncer, startPgBouncer } from "./pgbouncer.ts";
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
/** Of PgBouncer to each database. */
const SERVER_CONNECTIONS = 40;
const ROOST_READY_MS_MAX = 60_000;

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
  return {
    groups: [
      etcd(options),
      postgres(options),
      primary(options),
      shards(options),
      pgbouncer(options),
      redis(options),
      kafka(options),
      roost(options, settings),
      front(options),
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
  const databaseUrl = (port: number) => `postgres://roost@${local(port)}/${database}`;
  return {
    DATABASE_URL: databaseUrl(pgbouncerPort(chosen)),
    DATABASE_DIRECT_URL: databaseUrl(primaryPort(chosen)),
    SHARD_URLS: shardPoolerPorts(chosen).map(databaseUrl).join(","),
    SHARD_DIRECT_URLS: shardPorts(chosen).map(databaseUrl).join(","),
    // All of them: which one is the primary changes, and that one takes no reads as a replica.
    DATABASE_REPLICA_URLS: postgresNodes(chosen)
      .map(({ port }) => databaseUrl(port))
      .join(","),
    REDIS_URL: `redis+cluster://${redisPorts(chosen).map(local).join(",")}`,
    KAFKA_BROKERS: kafkaPorts(chosen).map(local).join(","),
  };
}

function pgbouncerPort({ basePort }: Chosen): number {
  return basePort + 10;
}

/** Where the primary is found, whichever node that is. */
function primaryPort({ basePort }: Chosen): number {
  return basePort + 14;
}

function postgresNodes({ basePort }: Chosen): PatroniNode[] {
  return [1, 2, 3].map((n) => ({ name: `pg-${n}`, port: basePort + 10 + n, restPort: basePort + 20 + n }));
}

/** Of the databases that hold what accounts own. */
function shardPorts({ basePort }: Chosen): number[] {
  return [basePort + 16, basePort + 17];
}

/** Of what pools connections to them, in their order. */
function shardPoolerPorts({ basePort }: Chosen): number[] {
  return [basePort + 18, basePort + 19];
}

function etcdPort({ basePort }: Chosen): number {
  return basePort + 25;
}

function redisPorts({ basePort }: Chosen): number[] {
  return [0, 1, 2].map((n) => basePort + 30 + n);
}

function kafkaPorts({ basePort, brokers }: Chosen): number[] {
  return Array.from({ length: brokers }, (_, n) => basePort + 40 + n);
}

function etcd(chosen: Chosen): Group {
  const port = etcdPort(chosen);
  const peerPort = port + 1;
  const name = "etcd";
  return {
    name,
    title: "etcd",
    needs: [],
    parts: [
      {
        ...part(name, "who is the primary", port, peerPort),
        isReady: () => isOk(port, "/health"),
        launch: (folder) => startEtcd({ name, folder, port, peerPort }),
      },
    ],
    missing: () => (hasEtcd() ? null : "etcd isn't installed"),
    readyMsMax: 20_000,
  };
}

function postgres(chosen: Chosen): Group {
  const nodes = postgresNodes(chosen);
  const role = { primary: "the primary: every write", replica: "a replica: reads" } as const;
  return {
    name: "postgres",
    title: "PostgreSQL, watched by Patroni",
    needs: ["etcd"],
    parts: nodes.map((node) => ({
      name: node.name,
      what: "the database, on a machine of its own",
      whatNow: async () => {
        const now = await roleOf(node);
        return now && role[now];
      },
      ports: [node.port, node.restPort],
      isReady: async () => (await isPatroniReady(node)) && answers(node.port),
      // PostgreSQL outlives Patroni.
      childrenWorkIn: node.name,
    })),
    missing: missingForPatroni,
    setUp: (folder) => startPatroni({ folder, etcdPort: etcdPort(chosen), nodes, databases: ["roost"] }),
    isReady: () => isReplicated(nodes),
    readyMsMax: 45_000,
  };
}

function primary(chosen: Chosen): Group {
  const port = primaryPort(chosen);
  const healthPort = port + 1;
  const nodes = postgresNodes(chosen);
  const name = "primary";
  return {
    name,
    title: "HAProxy to the primary",
    needs: ["postgres"],
    parts: [
      {
        ...part(name, "the way to the node that is the primary now", port, healthPort),
        isReady: () => answers(port),
        launch: (folder) => startPostgresProxy({ name, folder, port, healthPort, nodes }),
      },
    ],
    missing: () => (hasHaproxy() ? null : "HAProxy isn't installed"),
    readyMsMax: 20_000,
  };
}

function shards(chosen: Chosen): Group {
  const ports = shardPorts(chosen);
  const names = ports.map((_, n) => `shard-${n + 1}`);
  return {
    name: "shards",
    title: "Shards",
    needs: [],
    parts: ports.map((port, n) => ({
      name: names[n] ?? "",
      what: "what half of the accounts own: posts above all",
      ports: [port],
      isReady: () => answers(port),
      // Ends sessions instead of waiting for them.
      stopSignal: "SIGINT" as const,
    })),
    missing: () => (postgresPrograms() ? null : "PostgreSQL 15 or later isn't installed"),
    setUp: (folder) =>
      Promise.all(
        ports.map((port, n) =>
          startPlainPostgres({ folder, ports: [port], names: [names[n] ?? ""], databases: ["roost"] }),
        ),
      ),
    readyMsMax: 30_000,
  };
}

function pgbouncer(chosen: Chosen): Group {
  const pooler = (name: string, what: string, port: number, postgresPort: number): Part => ({
    ...part(name, what, port),
    // It takes connections while its database is away: what is asked for is an answer.
    isReady: () => answers(port),
    launch: (folder) =>
      startPgBouncer({ name, folder, port, postgresPort, serverConnections: SERVER_CONNECTIONS }),
  });
  const ports = shardPorts(chosen);
  return {
    name: "pgbouncer",
    title: "PgBouncer",
    needs: ["primary", "shards"],
    // One a server: a name of a database says which, and what is slow at one keeps nobody from another.
    parts: [
      pooler(
        "pgbouncer",
        "many connections to the database on few",
        pgbouncerPort(chosen),
        primaryPort(chosen),
      ),
      ...shardPoolerPorts(chosen).map((port, n) =>
        pooler(`pgbouncer-${n + 1}`, `the same, to shard-${n + 1}`, port, ports[n] ?? 0),
      ),
    ],
    missing: () => (hasPgBouncer() ? null : "PgBouncer isn't installed"),
    readyMsMax: 20_000,
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

/** Processes of Roost: their names, roles, and what they do. In the order of their ports. */
const PROCESSES = [
  ["api-1", "api", "the API, the web app, streams"],
  ["api-2", "api", "the API, the web app, streams"],
  ["fanout-1", "fanout", "deliveries to home timelines"],
  ["fanout-2", "fanout", "deliveries to home timelines"],
  ["jobs-1", "jobs", "notifications, housekeeping"],
  ["relay-1", "relay", "events from the database to Kafka"],
] as const;

function roost(options: TopologyOptions, settings: Readonly<Record<string, string>>): Group {
  const [command, ...args] = options.roost;
  const parts = PROCESSES.map(([name, role, what], n): Part => {
    const port = roostPort(options, n);
    const isReady = () => isOk(port, "/readyz");
    const start = (folder: string) =>
      launch({
        name,
        folder,
        command,
        // One each: a part that is frozen or killed is a process.
        args: [...args, role, "--processes", "1"],
        env: { ...settings, PORT: `${port}`, NO_COLOR: "1" },
        isReady,
        readyMsMax: ROOST_READY_MS_MAX,
      });
    return { name, what, ports: [port], isReady, launch: start };
  });
  return {
    name: "roost",
    title: "Roost",
    needs: ["pgbouncer", "redis", "kafka"],
    parts,
    readyMsMax: ROOST_READY_MS_MAX,
  };
}

function roostPort({ basePort }: Chosen, n: number): number {
  return basePort + 2 + n;
}

function front(chosen: Chosen): Group {
  const port = chosen.basePort;
  const servers = PROCESSES.flatMap(([, role], n) => (role === "api" ? [roostPort(chosen, n)] : []));
  const name = "haproxy";
  return {
    name,
    title: "HAProxy",
    needs: ["roost"],
    parts: [
      {
        ...part(name, "the one address: gives each request to the next API process", port),
        isReady: () => isOk(port, "/livez"),
        launch: (folder) => startHaproxy({ name, folder, port, servers }),
      },
    ],
    missing: () => (hasHaproxy() ? null : "HAProxy isn't installed"),
    readyMsMax: 20_000,
  };
}

async function isOk(port: number, path: string): Promise<boolean> {
  return (await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(2_000) })).ok;
}

function part(name: string, what: string, port: number, ...others: number[]): Part {
  return { name, what, ports: [port, ...others], isReady: () => accepts(port) };
}
