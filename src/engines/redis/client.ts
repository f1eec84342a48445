/**
 * Connections to the Redis of REDIS_URL, whatever its form. They are made again for as long as it takes, with pauses;
 * meanwhile nothing waits in a queue: a command fails at once, and its caller goes on without Redis.
 */
import { createHash } from "node:crypto";
import { Cluster, Redis } from "ioredis";
import type { Logger } from "pino";
import { type Clock, systemClock, within } from "../../core/clock.ts";
import { Unavailable } from "../../core/errors.ts";
import { Outages } from "../../core/outages.ts";
import { addressOf, type RedisAddress, slotOf } from "./address.ts";
import { inspectRedis } from "./inspect.ts";

export type Connection = Redis | Cluster;
type Argument = string | Buffer | number;

/** How long callers wait: a request for what is only a cache, a worker for what it would have to do again. */
const DEADLINES_MS = { prompt: 250, bulk: 2_000 } as const;
export type Lane = keyof typeof DEADLINES_MS;

const CONNECT_MS_MAX = 2_000;
/** A server that sends nothing for so long while answers are due is given up, and looked for anew. */
const SILENCE_MS_MAX = 1_500;
const RECONNECT_MS_MAX = 1_000;
/** At the start, where it has just answered. */
const READY_MS_MAX = 10_000;

export interface RedisClientOptions {
  readonly url: string;
  /** Begins every key and channel. */
  readonly keyPrefix: string;
  readonly log: Logger;
  readonly clock?: Clock;
  /** 250 ms and 2 s unless given. */
  readonly deadlinesMs?: Readonly<Record<Lane, number>>;
  /** Told when Redis goes away and when it's back. */
  readonly onChange?: (isAway: boolean) => void;
}

/** A Lua script: sent as its digest, in full where a server doesn't know it. */
export class Script {
  readonly text: string;
  readonly digest: string;

  constructor(text: string) {
    this.text = text;
    this.digest = createHash("sha1").update(text).digest("hex");
  }
}

export class RedisClient implements AsyncDisposable {
  readonly keyPrefix: string;
  readonly address: RedisAddress;
  readonly #outages: Outages;
  readonly #lanes: Record<Lane, Connection>;
  readonly #deadlinesMs: Readonly<Record<Lane, number>>;
  readonly #more = new Set<Connection>();
  /** Those whose commands wait for the end of this moment. */
  readonly #held = new Set<Connection>();

  private constructor(options: RedisClientOptions, address: RedisAddress) {
    this.keyPrefix = options.keyPrefix;
    this.address = address;
    this.#deadlinesMs = options.deadlinesMs ?? DEADLINES_MS;
    const { log, clock = systemClock, onChange = () => {} } = options;
    const says = {
      began: `Redis at ${address.shown} can't be used; until it's back, everything comes from the database`,
      over: `Redis at ${address.shown} is back`,
      refusal: "Redis can't be reached right now; try again in a moment",
    };
    this.#outages = new Outages({ says, log, clock, onChange });
    this.#lanes = { prompt: connect(address), bulk: connect(address) };
  }

  /** Throws UnusableRedis when there is none, or another kind of server. */
  static async open(options: RedisClientOptions): Promise<RedisClient> {
    const address = addressOf(options.url);
    await inspectRedis(address);
    const client = new RedisClient(options, address);
    try {
      await Promise.all(Object.values(client.#lanes).map(untilReady));
      // A cluster's nodes are connected to when they are first asked: here, and not when somebody waits for it. One
      // that is away at this moment is no reason not to start.
      const nodes = [...client.primaries("prompt"), ...client.primaries("bulk")];
      const asked = Promise.allSettled(nodes.map((node) => node.ping()));
      await within(asked, READY_MS_MAX, () => new Unavailable("Redis answers in part only; try again"));
    } catch (error) {
      await client[Symbol.asyncDispose]();
      throw error;
    }
    return client;
  }

  /** Rejects with Unavailable when Redis is away or too slow. The key says which node of a cluster is asked. */
  run<T>(lane: Lane, key: string, work: (connection: Connection) => Promise<T>): Promise<T> {
    return this.#outages.run(this.#nodeOf(key), this.#deadlinesMs[lane], () => {
      this.#holdBack(this.#lanes[lane]);
      return work(this.#lanes[lane]);
    });
  }

  /** As `run`, for a script whose keys share a slot with the first. Texts in the answer are bytes. */
  script(lane: Lane, script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    return this.run(lane, keys[0] ?? "", async (connection) => {
      const rest = [keys.length, ...keys, ...args];
      try {
        return await connection.callBuffer("evalsha", script.digest, ...rest);
      } catch (error) {
        if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
        return await connection.callBuffer("eval", script.text, ...rest);
      }
    });
  }

  get isCluster(): boolean {
    return this.address.form === "cluster";
  }

  /** One more connection, for a use that takes it whole, such as listening. Closed with the client. */
  async connectAgain(): Promise<Connection> {
    const connection = connect(this.address);
    this.#more.add(connection);
    await untilReady(connection);
    return connection;
  }

  /** Connections to all primaries; one, where there is no cluster. */
  primaries(lane: Lane): Redis[] {
    const connection = this.#lanes[lane];
    return connection instanceof Cluster ? connection.nodes("master") : [connection];
  }

  /** As `primaries`, and a cluster's replicas. */
  nodes(lane: Lane): Redis[] {
    const connection = this.#lanes[lane];
    return connection instanceof Cluster ? connection.nodes("all") : [connection];
  }

  /** Removes every key that begins with the prefix. */
  async flush(): Promise<void> {
    for (const node of this.primaries("bulk")) {
      for await (const keys of node.scanStream({ match: `${this.keyPrefix}:*`, count: 1_000 })) {
        await Promise.all((keys as string[]).map((key) => node.unlink(key)));
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of [...Object.values(this.#lanes), ...this.#more]) connection.disconnect();
  }

  /**
   * Commands of requests that go on in the same moment, as those that have caught up together, leave in one write: for
   * a read of a timeline, writing takes most of the time that this process spends on it.
   */
  #holdBack(connection: Connection): void {
    if (connection instanceof Cluster || this.#held.has(connection)) return;
    const { stream } = connection;
    if (!stream?.writable) return;
    this.#held.add(connection);
    stream.cork();
    process.nextTick(() => {
      this.#held.delete(connection);
      stream.uncork();
    });
  }

  #nodeOf(key: string): string {
    const { prompt } = this.#lanes;
    if (!(prompt instanceof Cluster)) return "";
    return `${prompt.slots[slotOf(key)]?.[0]}`;
  }
}

function connect(address: RedisAddress): Connection {
  const options = optionsOf(address);
  const connection =
    address.form === "cluster"
      ? new Cluster([...address.nodes], clusterOptions(options))
      : new Redis({ ...options, ...placeOf(address) });
  // The calls that fail tell it; without a listener it would end the process or be printed.
  connection.on("error", () => {});
  return connection;
}

function optionsOf({ username, password, tls }: RedisAddress) {
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    connectionName: "roost",
    connectTimeout: CONNECT_MS_MAX,
    socketTimeout: SILENCE_MS_MAX,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // Commands under way when a connection ends fail then: by default those that aren't sent again are forgotten at the
    // reconnection, and whoever waits for one without a deadline waits for ever.
    maxRetriesPerRequest: 0,
    protocol: 2 as const,
    retryStrategy: pauseMs,
    // A primary that has become a replica refuses writes: whoever is the primary now must be asked for.
    reconnectOnError: (error: Error) => error.message.startsWith("READONLY"),
    ...(tls ? { tls: {} } : {}),
  };
}

function placeOf({ form, nodes, group, database }: RedisAddress) {
  if (form === "single") return { ...nodes[0], db: database };
  return {
    sentinels: [...nodes],
    name: group,
    // Told by the sentinels of a new primary, it leaves the old one at once, which may be frozen and say nothing.
    failoverDetector: true,
    sentinelCommandTimeout: CONNECT_MS_MAX,
    sentinelRetryStrategy: pauseMs,
  };
}

function clusterOptions(options: ReturnType<typeof optionsOf>) {
  return {
    redisOptions: options,
    clusterRetryStrategy: pauseMs,
    enableOfflineQueue: false,
    slotsRefreshTimeout: CONNECT_MS_MAX,
    // A node that is lost is seen by the commands sent to it; this is for those that say nothing.
    slotsRefreshInterval: 2_000,
    retryDelayOnFailover: 50,
    retryDelayOnClusterDown: 50,
    retryDelayOnTryAgain: 20,
    maxRedirections: 4,
  };
}

function pauseMs(attempt: number): number {
  return Math.min(RECONNECT_MS_MAX, 25 * 2 ** Math.min(attempt, 10));
}

function untilReady(connection: Connection): Promise<void> {
  const ready = new Promise<void>((resolve) => {
    if (connection.status === "ready") resolve();
    else connection.once("ready", resolve);
  });
  return within(
    ready,
    READY_MS_MAX,
    () => new Unavailable("Redis answers, but can't be used yet; try again"),
  );
}
