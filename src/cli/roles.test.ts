/** Roles as processes of their own, on one PostgreSQL and one Redis. */
import { type ChildProcess, spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { signUp } from "../../test/support/client.ts";
import { freePort } from "../cluster/process.ts";
import { hasRedis, startRedis } from "../cluster/redis.ts";
import { startEmbeddedServer } from "../engines/database/embedded-server.ts";
import { packageDir } from "./invocation.ts";
import { roleCommands } from "./roles.ts";
import { emptyFolder, roost } from "./spawned.ts";
import { startCommand } from "./start.ts";

const engines = new AsyncDisposableStack();
const folder = emptyFolder();
let settings: Record<string, string>;

beforeAll(async () => {
  if (!hasRedis()) return;
  const redis = engines.use(await startRedis({ form: "single", folder: join(folder, "redis") }));
  const postgres = engines.use(await startEmbeddedServer({ dataDir: join(folder, "db"), log: () => {} }));
  const { host, user, database, port } = postgres.connection;
  settings = {
    DATABASE_URL: `postgres://${user}@localhost:${port}/${database}?host=${host}`,
    REDIS_URL: redis.url,
    DATA_DIR: join(folder, "data"),
    HOST: "127.0.0.1",
    RATE_LIMITS: "off",
    LOG_LEVEL: "warn",
  };
});
afterAll(() => engines[Symbol.asyncDispose]());

interface Running extends AsyncDisposable {
  readonly url: string;
  readonly child: ChildProcess;
  /** SIGTERM; resolves to the exit code. */
  stop(): Promise<number | null>;
}

async function run(role: string, more: Record<string, string> = {}): Promise<Running> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(join(packageDir, "bin", "roost"), [role, "--processes", "1"], {
    cwd: folder,
    env: { PATH: "/usr/bin:/bin", ...settings, PORT: `${port}`, ...more },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let told = "";
  child.stderr.on("data", (chunk: Buffer) => {
    told += chunk.toString();
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  await expect.poll(() => told, { timeout: 30_000 }).toMatch(/is ready at/);
  const stop = () => {
    child.kill("SIGTERM");
    return exited;
  };
  return { url, child, stop, [Symbol.asyncDispose]: async () => void (await stop()) };
}

const statusOf = async (url: string) => (await fetch(url)).status;

it("a role without what processes share is refused, and told what to set", async () => {
  const alone = await roost(["api"], {}, folder);
  expect(alone.code).toBe(78);
  expect(alone.stderr).toMatch(/needs DATABASE_URL and REDIS_URL/);
  const relay = await roost(["relay"], { DATABASE_URL: "postgres://a/b", REDIS_URL: "redis://a:1" }, folder);
  expect(relay.code).toBe(78);
  expect(relay.stderr).toMatch(/needs KAFKA_BROKERS/);
});

it("without --processes a role has one for each core; relay, of which one works, and start have one", () => {
  const counts = [startCommand(), ...roleCommands()].map((command) => {
    const option = command.options.find(({ long }) => long === "--processes");
    return [command.name(), option?.defaultValue];
  });
  const cores = availableParallelism();
  expect(Object.fromEntries(counts)).toEqual({
    start: 1,
    api: cores,
    streaming: cores,
    worker: cores,
    fanout: cores,
    jobs: cores,
    relay: 1,
  });
});

describe.runIf(hasRedis())("roles apart (needs redis-server)", () => {
  it("a post at one server is in a follower's home at another, brought there by a worker", async () => {
    await using one = await run("api");
    await using other = await run("api");
    await using _fanOut = await run("fanout");
    await using _jobs = await run("jobs");
    const [author, follower] = await signUp(one.url, "wren", "robin");
    if (!author || !follower) throw new Error("nobody signed up");
    await follower.client.post(`/api/v1/accounts/${author.id}/follow`);
    const read = async () => {
      const answer = await fetch(`${other.url}/api/v1/timelines/home`, {
        headers: { authorization: `Bearer ${follower.client.token}` },
      });
      return ((await answer.json()) as { content: string }[]).map(({ content }) => content);
    };
    expect(await read()).toEqual([]);
    await author.client.post("/api/v1/statuses", { status: "@robin, hello" });
    await expect.poll(read, { timeout: 5_000 }).toEqual([expect.stringContaining("hello")]);
    const told = () => follower.client.get<{ type: string }[]>("/api/v1/notifications");
    await expect
      .poll(async () => (await told()).map(({ type }) => type), { timeout: 5_000 })
      .toContain("mention");
  });

  it("workers tell how they are, and nothing else; a server of streams has streams", async () => {
    await using worker = await run("worker");
    await using streaming = await run("streaming");
    for (const { url } of [worker, streaming]) {
      expect(await statusOf(`${url}/livez`)).toBe(200);
      expect(await statusOf(`${url}/readyz`)).toBe(200);
      expect(await statusOf(`${url}/metrics`)).toBe(200);
      expect(await statusOf(`${url}/api/v2/instance`)).toBe(404);
      expect(await statusOf(`${url}/`)).toBe(404);
    }
    expect(await statusOf(`${streaming.url}/api/v1/streaming/health`)).toBe(200);
    expect(await statusOf(`${worker.url}/api/v1/streaming/health`)).toBe(404);
  });

  it("a server that is told to stop says so first, answers for DRAIN_MS, and exits with 0", async () => {
    const api = await run("api", { DRAIN_MS: "1500" });
    const stopped = api.stop();
    const readiness = () => statusOf(`${api.url}/readyz`).catch(() => 0);
    await expect.poll(readiness, { timeout: 1_400, interval: 20 }).toBe(503);
    expect(await statusOf(`${api.url}/readyz?leaving=404`)).toBe(404);
    const answer = await fetch(`${api.url}/api/v2/instance`);
    expect([answer.status, answer.headers.get("connection")]).toEqual([200, "close"]);
    expect(await stopped).toBe(0);
  });
});
