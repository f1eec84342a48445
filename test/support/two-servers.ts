/** Two Roosts on one database and one Redis, behind a balancer that sends each request to the other one than the last. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import { type AddressInfo, connect, createServer as createWire, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RedisOptions, type RedisServers, startRedis } from "../../src/cluster/redis.ts";
import { openRoost, type Roost } from "../../src/composition.ts";
import { loadConfig } from "../../src/config.ts";
import { startEmbeddedServer } from "../../src/engines/database/embedded-server.ts";
import { makeDataDir, removeDataDir } from "./start-roost.ts";

export interface TwoServers extends AsyncDisposable {
  readonly redis: RedisServers;
  readonly roosts: readonly [Roost, Roost];
  /** Of each by itself. */
  readonly urls: readonly [string, string];
  /** Of the balancer. */
  readonly url: string;
  isIdle(): Promise<boolean>;
  /** Cuts the connections of one of them to Redis, and all that it tries to make; the other's stay. One Redis only. */
  cut(server: 0 | 1): void;
  mend(server: 0 | 1): void;
}

export async function openTwoServers(
  form: RedisOptions["form"],
  env: Readonly<Record<string, string>> = {},
): Promise<TwoServers> {
  await using opened = new AsyncDisposableStack();
  const newDataDir = () => {
    const dataDir = makeDataDir();
    opened.defer(() => removeDataDir(dataDir));
    return dataDir;
  };
  const folder = mkdtempSync(join(tmpdir(), "roost-redis-"));
  opened.defer(() => rmSync(folder, { recursive: true, force: true }));
  const redis = opened.use(await startRedis({ form, folder, downAfterMs: 500 }));
  const { connection } = opened.use(await startEmbeddedServer({ dataDir: newDataDir(), log: () => {} }));
  const { host, user, database, port } = connection;
  const DATABASE_URL = `postgres://${user}@localhost:${port}/${database}?host=${host}`;
  const wires = form === "single" ? [await wire(redis, opened), await wire(redis, opened)] : [];
  const open = async (server: number) => {
    const settings = {
      PORT: "0",
      HOST: "127.0.0.1",
      RATE_LIMITS: "off",
      LOG_LEVEL: "silent",
      DATA_DIR: newDataDir(),
      DATABASE_URL,
      DATABASE_POOL_SIZE: "10",
      REDIS_URL: wires[server]?.url ?? redis.url,
      ...env,
    };
    return opened.use(await openRoost(loadConfig(settings).config));
  };
  const roosts = [await open(0), await open(1)] as const;
  const urls = [await roosts[0].listen(), await roosts[1].listen()] as const;
  const url = await balance(urls, opened);
  const closing = opened.move();
  return {
    redis,
    roosts,
    urls,
    url,
    isIdle: async () => (await roosts[0].isIdle()) && (await roosts[1].isIdle()),
    cut: (server) => wires[server]?.cut(),
    mend: (server) => wires[server]?.mend(),
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

/** A way to Redis that can be cut. */
async function wire(redis: RedisServers, opened: AsyncDisposableStack) {
  const ends = new Set<Socket>();
  let isCut = false;
  const server = createWire((near) => {
    if (isCut) {
      near.destroy();
      return;
    }
    const far = connect(redis.portOf("redis-1"), "127.0.0.1");
    for (const [end, other] of [
      [near, far],
      [far, near],
    ] as const) {
      ends.add(end);
      end.pipe(other);
      end.on("error", () => other.destroy());
      end.once("close", () => {
        ends.delete(end);
        other.destroy();
      });
    }
  });
  const cut = () => {
    isCut = true;
    for (const end of ends) end.destroy();
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  opened.defer(() => {
    cut();
    server.close();
  });
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    mend: () => {
      isCut = false;
    },
  };
}

async function balance(urls: readonly string[], opened: AsyncDisposableStack): Promise<string> {
  let turn = 0;
  const server = createServer((incoming, outgoing) => {
    const target = new URL(incoming.url ?? "/", urls[turn++ % urls.length]);
    const { method, headers } = incoming;
    const passed = request(target, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    passed.once("error", () => outgoing.destroy());
    incoming.pipe(passed);
  });
  // Node closes connections that were idle for 5 s, and a client may just be sending on one: not what is tested here.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  opened.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
