/**
 * Real Kafka brokers on loopback, without ZooKeeper: each is broker and controller in one. One for what a laptop needs;
 * three, of which one may be lost: what is acknowledged then lies on two others. A broker keeps its records in its
 * folder and finds them there again, whether it was stopped or killed.
 */
import { execFile, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { sleep } from "../core/clock.ts";
import { Unavailable } from "../core/errors.ts";
import { cacheFolder, freePort, launch, type ManagedProcess } from "./process.ts";

export interface KafkaOptions {
  /** For records, configurations and logs. Brokers started on it again have what they had. */
  readonly folder: string;
  /** 1 unless given. */
  readonly brokers?: 1 | 3;
  /** Of the brokers first, then of their controllers. Where none is given, a free one is taken. */
  readonly ports?: readonly number[];
  /** Per broker. */
  readonly heapMb?: number;
}

export interface KafkaServers extends AsyncDisposable {
  /** For KAFKA_BROKERS. */
  readonly brokers: string;
  /** kafka-1, kafka-2 … */
  readonly nodes: readonly string[];
  portOf(node: string): number;
  pidOf(node: string): number;
  /** SIGKILL; its records stay. */
  kill(node: string): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers. */
  freeze(node: string): void;
  thaw(node: string): void;
  /** Starts it again over its folder, on its port; kills it before, if it runs. */
  restart(node: string): Promise<void>;
}

const VERSION = "4.3.1";
const READY_MS_MAX = 45_000;
const STOP_MS_MAX = 10_000;
const HEAP_MB = { 1: 128, 3: 192 } as const;

/** Where `scripts/install-engines` puts Kafka's jars. */
export function kafkaFolder(): string {
  return join(cacheFolder(), "roost", `kafka-${VERSION}`);
}

/** Whether the jars and a Java are there. */
export function hasKafka(): boolean {
  return (
    existsSync(join(kafkaFolder(), `kafka_2.13-${VERSION}.jar`)) &&
    spawnSync("java", ["-version"], { stdio: "ignore" }).status === 0
  );
}

export async function startKafka(options: KafkaOptions): Promise<KafkaServers> {
  if (!hasKafka()) {
    throw new Unavailable(
      `Kafka can't be started: there are no jars in ${kafkaFolder()}, or no Java on PATH; run scripts/install-engines`,
    );
  }
  mkdirSync(options.folder, { recursive: true });
  const count = options.brokers ?? 1;
  const ports = [...(options.ports ?? [])];
  const nextPort = async () => ports.shift() ?? freePort();
  const plans: BrokerPlan[] = [];
  for (let id = 1; id <= count; id++) plans.push({ id, port: await nextPort(), controllerPort: 0 });
  for (const plan of plans) plan.controllerPort = await nextPort();
  const heapMb = options.heapMb ?? HEAP_MB[count];
  const clusterId = clusterIdOf(options.folder);
  const brokers = new Brokers(plans.map(({ port }) => `127.0.0.1:${port}`).join(","));
  try {
    const formatted = plans.map(async (plan) => {
      const { folder, file } = configure(options.folder, plan, plans);
      brokers.add(nameOf(plan), plan.port, () => launchBroker(options.folder, file, plan, heapMb));
      await format(folder, file, clusterId);
    });
    await Promise.all(formatted);
    await brokers.startAll();
    return brokers;
  } catch (error) {
    await brokers[Symbol.asyncDispose]();
    throw error;
  }
}

interface BrokerPlan {
  readonly id: number;
  readonly port: number;
  controllerPort: number;
}

function nameOf({ id }: BrokerPlan): string {
  return `kafka-${id}`;
}

/** A folder belongs to one cluster for good: brokers refuse to start over another's records. */
function clusterIdOf(folder: string): string {
  const file = join(folder, "kafka.cluster-id");
  if (!existsSync(file)) {
    // Commands take one that begins with a dash for a flag.
    writeFileSync(file, randomBytes(16).toString("base64url").replace(/^-/, "A"));
  }
  return readFileSync(file, "utf8").trim();
}

/** Writes what the broker is told. The ports may be others than the last time. */
function configure(parent: string, plan: BrokerPlan, all: readonly BrokerPlan[]) {
  const folder = join(parent, nameOf(plan));
  mkdirSync(folder, { recursive: true });
  const copies = Math.min(3, all.length);
  const settings = {
    "process.roles": "broker,controller",
    "node.id": plan.id,
    "controller.quorum.voters": all
      .map(({ id, controllerPort }) => `${id}@127.0.0.1:${controllerPort}`)
      .join(","),
    listeners: `PLAINTEXT://127.0.0.1:${plan.port},CONTROLLER://127.0.0.1:${plan.controllerPort}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${plan.port}`,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "log.dirs": join(folder, "records"),
    "auto.create.topics.enable": false,
    "default.replication.factor": copies,
    // With three copies an acknowledged record lies on two brokers at the least, and one broker may be away.
    "min.insync.replicas": copies === 3 ? 2 : 1,
    "offsets.topic.replication.factor": copies,
    "transaction.state.log.replication.factor": copies,
    "transaction.state.log.min.isr": copies === 3 ? 2 : 1,
    // Small: this shares its machine with everything else.
    "offsets.topic.num.partitions": 6,
    "transaction.state.log.num.partitions": 6,
    "num.network.threads": 2,
    "num.io.threads": 4,
    "log.cleaner.dedupe.buffer.size": 16_777_216,
    "group.initial.rebalance.delay.ms": 0,
    "group.min.session.timeout.ms": 1_000,
    // A broker that is gone is noticed, and its partitions are led by others, in about three seconds.
    "broker.session.timeout.ms": 3_000,
    "broker.heartbeat.interval.ms": 500,
    "controller.quorum.fetch.timeout.ms": 1_000,
    "controller.quorum.election.timeout.ms": 500,
    "replica.lag.time.max.ms": 4_000,
    // All are stopped together: there would be nobody to hand partitions over to.
    "controlled.shutdown.enable": false,
  };
  const file = join(folder, "server.properties");
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  writeFileSync(file, `${lines.join("\n")}\n`);
  return { folder, file };
}

function java(heapMb: number, main: string, ...args: string[]): string[] {
  return [
    `-Xmx${heapMb}m`,
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Dlog4j2.level=WARN",
    "-cp",
    join(kafkaFolder(), "*"),
    main,
    ...args,
  ];
}

/** Once per folder. */
async function format(folder: string, file: string, clusterId: string): Promise<void> {
  if (existsSync(join(folder, "records", "meta.properties"))) return;
  const args = java(
    64,
    "kafka.tools.StorageTool",
    "format",
    "-t",
    clusterId,
    "-c",
    file,
    "--ignore-formatted",
  );
  await promisify(execFile)("java", args).catch((error: Error & { stdout?: string; stderr?: string }) => {
    const why = `${error.stdout ?? ""}${error.stderr ?? ""}`.trim() || error.message;
    throw new Unavailable(`Kafka's folder ${folder} could not be set up: ${why}`);
  });
}

function launchBroker(
  folder: string,
  file: string,
  plan: BrokerPlan,
  heapMb: number,
): Promise<ManagedProcess> {
  return launch({
    name: nameOf(plan),
    folder,
    command: "java",
    args: java(heapMb, "kafka.Kafka", file),
    isReady: async () => (await brokersKnownBy(plan.port)).includes(plan.id),
    readyMsMax: READY_MS_MAX,
  });
}

/** Ids of the brokers that the one on this port knows to be up. */
export async function brokersKnownBy(port: number): Promise<number[]> {
  // Hundreds of modules, which most commands never need.
  const { Admin } = await import("@platformatic/kafka");
  const admin = new Admin({
    clientId: "roost-cluster",
    bootstrapBrokers: [`127.0.0.1:${port}`],
    retries: 0,
    timeout: 2_000,
    connectTimeout: 1_000,
  });
  try {
    return [...(await admin.metadata({ topics: [] })).brokers.keys()];
  } finally {
    await admin.close();
  }
}

interface Node {
  readonly port: number;
  readonly launch: () => Promise<ManagedProcess>;
  process: ManagedProcess | null;
}

class Brokers implements KafkaServers {
  readonly brokers: string;
  readonly #nodes = new Map<string, Node>();

  constructor(brokers: string) {
    this.brokers = brokers;
  }

  get nodes(): readonly string[] {
    return [...this.#nodes.keys()];
  }

  portOf(name: string): number {
    return this.#node(name).port;
  }

  pidOf(name: string): number {
    return this.#node(name).process?.record.pid ?? 0;
  }

  add(name: string, port: number, start: () => Promise<ManagedProcess>): void {
    this.#nodes.set(name, { port, launch: start, process: null });
  }

  /** All at once, since each waits for a majority. Returns when each knows of all. */
  async startAll(): Promise<void> {
    const nodes = [...this.#nodes.values()];
    const results = await Promise.allSettled(
      nodes.map(async (node) => {
        node.process = await node.launch();
      }),
    );
    for (const result of results) if (result.status === "rejected") throw result.reason;
    const deadlineMs = performance.now() + READY_MS_MAX;
    for (const { port } of nodes) {
      while ((await brokersKnownBy(port).catch(() => [])).length < nodes.length) {
        if (performance.now() > deadlineMs) throw new Unavailable(`the Kafka brokers never found each other`);
        await sleep(50);
      }
    }
  }

  async kill(name: string): Promise<void> {
    await this.#node(name).process?.stop(0);
  }

  freeze(name: string): void {
    this.#node(name).process?.signal("SIGSTOP");
  }

  thaw(name: string): void {
    this.#node(name).process?.signal("SIGCONT");
  }

  async restart(name: string): Promise<void> {
    const node = this.#node(name);
    await node.process?.stop(0);
    node.process = await node.launch();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#nodes.values()].map((node) => node.process?.stop(STOP_MS_MAX)));
  }

  #node(name: string): Node {
    const node = this.#nodes.get(name);
    if (!node) throw new Error(`there is no ${name} among ${this.nodes.join(", ")}`);
    return node;
  }
}
