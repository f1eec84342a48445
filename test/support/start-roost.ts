/**
 * A Roost as people run it: `node src/main.ts start`, a process of its own with a data directory of its own. With
 * TEST_CLUSTER, several processes on the engines of that cluster instead.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type pg from "pg";
import { connectToRunningServer } from "../../src/engines/database/embedded-server.ts";
import { removeTenant, startOnCluster, testCluster } from "./cluster-tenant.ts";
import { waitFor } from "./wait.ts";

export { waitFor } from "./wait.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const READY_MS_MAX = 60_000;
const STOP_MS_MAX = 30_000;

export interface RunningRoost extends AsyncDisposable {
  readonly url: string;
  readonly dataDir: string;
  readonly pid: number;
  /** Resolves to the exit code; null when a signal ended it. */
  readonly exited: Promise<number | null>;
  /** All that the process has told so far. */
  output(): string;
  /** How its database is reached. */
  database(): Promise<pg.ClientConfig>;
  /** Runs a command with its settings. */
  command(...args: string[]): void;
  /** SIGTERM, and waits for the end. Resolves to the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL, and waits for the end; the database may go on for a moment, or until somebody stops it. */
  kill9(): Promise<void>;
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Kept at the end when given, removed when made here. */
  readonly dataDir?: string;
}

export async function startRoost(options: StartOptions = {}): Promise<RunningRoost> {
  const dataDir = options.dataDir ?? makeDataDir();
  if (testCluster) {
    const running = await startOnCluster({ env: options.env ?? {}, dataDir });
    if (options.dataDir !== undefined) return running;
    const cleanUp = async () => void (await running.stop().finally(() => removeDataDir(dataDir)));
    return { ...running, [Symbol.asyncDispose]: cleanUp };
  }
  const env = {
    PATH: process.env.PATH,
    TMPDIR: tmpdir(),
    PORT: "0",
    DATA_DIR: dataDir,
    SIGN_UPS: "open",
    RATE_LIMITS: "off",
    LOG_LEVEL: "warn",
    NO_COLOR: "1",
    ...options.env,
  };
  const child = spawn(process.execPath, [MAIN, "start"], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  let told = "";
  const listen = (chunk: Buffer) => {
    told = (told + chunk.toString()).slice(-100_000);
  };
  child.stdout.on("data", listen);
  child.stderr.on("data", listen);
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    const late = setTimeout(() => child.kill("SIGKILL"), STOP_MS_MAX);
    const code = await exited;
    clearTimeout(late);
    return code;
  };
  const cleanUp = async () => {
    await end("SIGTERM");
    if (options.dataDir === undefined) await removeDataDir(dataDir);
  };
  try {
    const url = await readyUrl(child, () => told);
    return {
      url,
      dataDir,
      pid: child.pid ?? 0,
      exited,
      output: () => told,
      database: async () => {
        const connection = await connectToRunningServer(dataDir);
        if (!connection) throw new Error("the embedded database of the test server isn't running");
        return { ...connection };
      },
      command: (...args) => void execFileSync(process.execPath, [MAIN, ...args], { env, stdio: "pipe" }),
      stop: () => end("SIGTERM"),
      kill9: async () => void (await end("SIGKILL")),
      [Symbol.asyncDispose]: cleanUp,
    };
  } catch (error) {
    await cleanUp();
    throw error;
  }
}

/** PostgreSQL never runs as root: the folder must be one that another user can pass through. */
export function makeDataDir(): string {
  const dataDir = mkdtempSync(join(tmpdir(), "roost-test-"));
  chmodSync(dataDir, 0o755);
  return dataDir;
}

/** Ends what is left of the database, by its own pid file, and removes the folder. */
export async function removeDataDir(dataDir: string): Promise<void> {
  const pid = postmasterPid(dataDir);
  if (pid !== null) {
    process.kill(pid, "SIGQUIT");
    await waitFor(() => postmasterPid(dataDir) === null, 10_000, "the database of a test ends");
  }
  if (testCluster) await removeTenant(dataDir);
  const elsewhere = join(dataDir, "postgres-is-at");
  if (existsSync(elsewhere)) rmSync(readFileSync(elsewhere, "utf8").trim(), { recursive: true, force: true });
  rmSync(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

/** The living postmaster of a data directory, or null. */
export function postmasterPid(dataDir: string): number | null {
  const elsewhere = join(dataDir, "postgres-is-at");
  const folder = existsSync(elsewhere) ? readFileSync(elsewhere, "utf8").trim() : join(dataDir, "postgres");
  const file = join(folder, "data", "postmaster.pid");
  if (!existsSync(file)) return null;
  const pid = Number(readFileSync(file, "utf8").split("\n")[0]);
  return Number.isInteger(pid) && pid > 0 && isRunning(pid) ? pid : null;
}

/** A zombie doesn't run any more. */
export function isRunning(pid: number): boolean {
  try {
    if (process.platform !== "linux") return process.kill(pid, 0);
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/** Processes that work in a folder or below it, or name it in their command line. Linux only. */
export function processesOf(folder: string): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid > 0 && isRunning(pid) && belongsTo(pid, folder));
}

function belongsTo(pid: number, folder: string): boolean {
  try {
    if (readlinkSync(`/proc/${pid}/cwd`).startsWith(folder)) return true;
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(folder);
  } catch {
    return false;
  }
}

async function readyUrl(child: ChildProcess, told: () => string): Promise<string> {
  const address = () => told().match(/is ready at (http:\S+)/)?.[1];
  const ended = () => child.exitCode !== null || child.signalCode !== null;
  await waitFor(() => ended() || address() !== undefined, READY_MS_MAX, "Roost says that it is ready");
  const url = address();
  if (!url)
    throw new Error(`Roost ended with ${child.exitCode ?? child.signalCode} instead of starting:\n${told()}`);
  await waitFor(
    () =>
      fetch(`${url}/readyz`).then(
        (answer) => answer.ok,
        () => ended(),
      ),
    READY_MS_MAX,
    "/readyz says ok",
  );
  return url;
}
