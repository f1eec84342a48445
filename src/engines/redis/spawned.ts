/** For tests: real Redis servers for a whole file, and clients of them that see nothing of each other. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll } from "vitest";
import { type RedisOptions, type RedisServers, startRedis } from "../../cluster/redis.ts";
import { RedisClient } from "./client.ts";

export interface SpawnedRedis {
  readonly servers: RedisServers;
  /** What the clients logged, a line each. */
  readonly logged: string[];
  /** A client of its own; those with the same prefix share what is kept. */
  client(keyPrefix?: string): Promise<RedisClient>;
  /** Two of the same prefix, with time for an answer even where many tests share a machine. */
  patientPair(): Promise<[RedisClient, RedisClient]>;
}

let prefixes = 0;

export function newPrefix(): string {
  return `test${++prefixes}`;
}

/** Starts before the tests of the file or block, and stops after them. */
export function spawnRedis(options: Omit<RedisOptions, "folder">): SpawnedRedis {
  const opened = new AsyncDisposableStack();
  const logged: string[] = [];
  const log = pino({ level: "debug" }, { write: (line: string) => void logged.push(line) });
  let servers: RedisServers;
  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), "roost-redis-"));
    opened.defer(() => rmSync(folder, { recursive: true, force: true }));
    servers = opened.use(await startRedis({ folder, ...options }));
  });
  afterAll(() => opened.disposeAsync());
  return {
    get servers() {
      return servers;
    },
    logged,
    client: async (keyPrefix = newPrefix()) =>
      opened.use(await RedisClient.open({ url: servers.url, keyPrefix, log })),
    patientPair: async () => {
      const options = {
        url: servers.url,
        keyPrefix: newPrefix(),
        log,
        deadlinesMs: { prompt: 10_000, bulk: 10_000 },
      };
      return [opened.use(await RedisClient.open(options)), opened.use(await RedisClient.open(options))];
    },
  };
}
