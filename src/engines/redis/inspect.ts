/** What stands at REDIS_URL, asked before it's relied on: at every start, and by doctor. */
import { Redis } from "ioredis";
import type { RedisAddress } from "./address.ts";

/** REDIS_URL can't be used as it is. The message says why and what to do, and holds no password. */
export class UnusableRedis extends Error {
  /** Nobody answers there now. */
  readonly isAway: boolean;

  constructor(address: RedisAddress, why: string, way: string, isAway = false) {
    super(`REDIS_URL names ${address.shown}, ${why}: ${way}`);
    this.isAway = isAway;
    this.name = "UnusableRedis";
  }
}

export interface RedisFacts {
  /** "Redis 7.0.15", "Valkey 8.0.1" */
  readonly version: string;
  /** 0: no limit. */
  readonly maxMemoryBytes: number;
  readonly evictionPolicy: string;
  readonly replicas: number;
  /** Whether something is meant to take over when the primary is lost. */
  readonly isReplicated: boolean;
}

const ANSWER_MS_MAX = 2_000;
const VERSION_MIN = 7;

/** Throws UnusableRedis unless it is a Redis of the form that the address says, with a primary that answers. */
export async function inspectRedis(address: RedisAddress): Promise<RedisFacts> {
  let refused: UnusableRedis | null = null;
  for (const node of address.nodes) {
    try {
      return await inspectFrom(address, node);
    } catch (error) {
      refused ??= error instanceof UnusableRedis ? error : unusable(address, error);
    }
  }
  throw refused ?? unusable(address, new Error("no address"));
}

async function inspectFrom(address: RedisAddress, node: { host: string; port: number }): Promise<RedisFacts> {
  if (address.form !== "sentinel") return withNode(address, node, (redis) => factsOf(address, redis));
  const primary = await withNode({ ...address, username: undefined, password: undefined }, node, (redis) =>
    redis.call("sentinel", "get-master-addr-by-name", address.group),
  );
  if (!Array.isArray(primary)) {
    throw new UnusableRedis(
      address,
      `whose sentinels watch no group "${address.group}"`,
      "name the one of `sentinel monitor` in their configuration",
    );
  }
  const [host, port] = primary as [string, string];
  return withNode(address, { host, port: Number(port) }, (redis) => factsOf(address, redis));
}

async function withNode<T>(
  { username, password, tls }: RedisAddress,
  node: { host: string; port: number },
  ask: (redis: Redis) => Promise<T>,
): Promise<T> {
  const redis = new Redis({
    ...node,
    username,
    password,
    connectTimeout: ANSWER_MS_MAX,
    socketTimeout: ANSWER_MS_MAX,
    commandTimeout: ANSWER_MS_MAX,
    retryStrategy: () => null,
    enableReadyCheck: false,
    protocol: 2,
    disableClientInfo: true,
    lazyConnect: true,
    ...(tls ? { tls: {} } : {}),
  });
  let told: Error | null = null;
  redis.on("error", (error: Error) => {
    told ??= error;
  });
  try {
    await redis.connect();
    return await ask(redis);
  } catch (error) {
    // What the connection says tells more than that a command came to nothing.
    throw told ?? error;
  } finally {
    redis.disconnect();
  }
}

async function factsOf(address: RedisAddress, redis: Redis): Promise<RedisFacts> {
  if (address.database > 0) await redis.select(address.database);
  const info = await redis.info();
  const field = (name: string) => info.match(new RegExp(`^${name}:(.*?)\\r?$`, "m"))?.[1] ?? "";
  if (field("redis_mode") === "sentinel")
    throw new UnusableRedis(address, "which is a sentinel", "write redis+sentinel://host:port/NAME");
  const isCluster = field("cluster_enabled") === "1";
  if (isCluster !== (address.form === "cluster")) {
    throw isCluster
      ? new UnusableRedis(
          address,
          "which is a node of a cluster",
          "write redis+cluster://host:port,host:port",
        )
      : new UnusableRedis(address, "which is no cluster", "write redis://host:port");
  }
  const name = field("valkey_version") === "" ? "Redis" : "Valkey";
  const version = field("valkey_version") || field("redis_version");
  if (name === "Redis" && Number.parseInt(version, 10) < VERSION_MIN) {
    throw new UnusableRedis(
      address,
      `which is Redis ${version}`,
      `use Redis ${VERSION_MIN} or later, or Valkey`,
    );
  }
  if (isCluster && !/cluster_state:ok/.test(await redis.cluster("INFO"))) {
    throw new UnusableRedis(
      address,
      "a cluster that isn't whole",
      "see `redis-cli --cluster check`, then start again",
    );
  }
  return {
    version: `${name} ${version}`,
    maxMemoryBytes: Number(field("maxmemory")),
    evictionPolicy: field("maxmemory_policy"),
    replicas: Number(field("connected_slaves")),
    isReplicated: address.form === "sentinel",
  };
}

function unusable(address: RedisAddress, error: unknown): UnusableRedis {
  const { message, code = "" } = error as Error & { code?: string };
  if (/^(NOAUTH|WRONGPASS|ERR .*AUTH)/.test(message))
    return new UnusableRedis(address, "which refuses user or password", "correct them in REDIS_URL");
  if (/DB index is out of range/.test(message))
    return new UnusableRedis(address, `which has no database ${address.database}`, "correct its number");
  if (/^ERR unknown command.*sentinel/i.test(message))
    return new UnusableRedis(address, "which is no sentinel", "write redis://host:port for a server itself");
  const away =
    ({ ECONNREFUSED: "where nothing listens", ENOTFOUND: "a host that nobody knows" } as const)[code] ??
    (/ETIMEDOUT|timed out|timeout/i.test(`${code} ${message}`) ? "which doesn't answer" : null);
  const why = away ?? "which doesn't answer as Redis does";
  const way = "start it or correct the address, or unset REDIS_URL to do without";
  return new UnusableRedis(address, why, way, away !== null);
}
