/** Processes of Roost in some of its roles, on a database and a Redis that they share: each as people run it. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type RedisServers, startRedis } from "../../src/cluster/redis.ts";
import { startEmbeddedServer } from "../../src/engines/database/embedded-server.ts";
import { makeDataDir, removeDataDir } from "./start-roost.ts";
import { waitFor } from "./wait.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const READY_MS_MAX = 60_000;
const STOP_MS_MAX = 40_000;

export interface SharedPlace extends AsyncDisposable {
  readonly redis: RedisServers;
  /** Of every process. */
  readonly settings: Readonly<Record<string, string>>;
  /** Runs `roost COMMAND …`; resolves when it says that it is ready. What still runs at the end is stopped. */
  start(command: readonly string[], env?: Readonly<Record<string, string>>): Promise<RunningPart>;
}

export interface RunningPart {
  /** Where it listens; empty when it doesn't. */
  readonly url: string;
  readonly pid: number;
  /** Resolves to the exit code; null when a signal ended it. */
  readonly exited: Promise<number | null>;
  output(): string;
  isRunning(): boolean;
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, and waits for the end. Resolves to the exit code. */
  stop(): Promise<number | null>;
}

export async function openSharedPlace(): Promise<SharedPlace> {
  await using opened = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "roost-redis-"));
  opened.defer(() => rmSync(folder, { recursive: true, force: true }));
  const redis = opened.use(await startRedis({ form: "single", folder }));
  const dataDir = makeDataDir();
  opened.defer(() => removeDataDir(dataDir));
  const { connection } = opened.use(await startEmbeddedServer({ dataDir, log: () => {} }));
  const { host, user, database, port } = connection;
  const settings = {
    PATH: process.env.PATH ?? "",
    TMPDIR: tmpdir(),
    PORT: "0",
    HOST: "127.0.0.1",
    DATABASE_URL: `postgres://${user}@localhost:${port}/${database}?host=${host}`,
    DATABASE_POOL_SIZE: "5",
    REDIS_URL: redis.url,
    DATA_DIR: dataDir,
    RATE_LIMITS: "off",
    LOG_LEVEL: "warn",
    NO_COLOR: "1",
  };
  const closing = opened.move();
  return {
    redis,
    settings,
    start: async (command, env) => {
      const part = new Part(command, { ...settings, ...env });
      closing.defer(() => part.end());
      await part.ready();
      return part;
    },
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

class Part implements RunningPart {
  readonly #child: ChildProcess;
  readonly exited: Promise<number | null>;
  readonly #command: string;
  #told = "";

  constructor(command: readonly string[], env: NodeJS.ProcessEnv) {
    this.#command = command.join(" ");
    this.#child = spawn(process.execPath, [MAIN, ...command], { env, stdio: ["ignore", "pipe", "pipe"] });
    this.exited = new Promise((resolve) => this.#child.once("exit", (code) => resolve(code)));
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on("data", (chunk: Buffer) => {
        this.#told = (this.#told + chunk.toString()).slice(-100_000);
      });
  }

  get url(): string {
    return this.#told.match(/is ready at (http:\S+)/)?.[1] ?? "";
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  output(): string {
    return this.#told;
  }

  isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async ready(): Promise<void> {
    const isReady = () => / is ready\b/.test(this.#told);
    await waitFor(() => isReady() || !this.isRunning(), READY_MS_MAX, `roost ${this.#command} is ready`);
    if (!this.isRunning()) throw new Error(`roost ${this.#command} ended instead of starting: ${this.#told}`);
  }

  async stop(): Promise<number | null> {
    if (this.isRunning()) this.signal("SIGTERM");
    const late = setTimeout(() => this.signal("SIGKILL"), STOP_MS_MAX);
    const code = await this.exited;
    clearTimeout(late);
    return code;
  }

  async end(): Promise<void> {
    if (!this.isRunning()) return;
    this.signal("SIGCONT");
    await this.stop();
  }
}
