/**
 * A real PostgreSQL as part of Roost: set up on the first start, reached through a Unix socket only, stopped with us.
 *
 * Killed processes: when Roost is killed its postmaster goes on, so a start stops the one it finds. When the postmaster
 * is killed its backends leave within moments; a start waits for that and PostgreSQL recovers from its log.
 */
import { type ChildProcess, spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import pg from "pg";
import { sleep } from "../../core/clock.ts";
import { Unavailable } from "../../core/errors.ts";
import { lockDataDir } from "./data-dir-lock.ts";
import { findPlace, knownFolder, type Place, socketFolderOf } from "./embedded-place.ts";

export interface EmbeddedConnection {
  /** The socket's folder: what the pg driver takes for a host. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

export interface EmbeddedServer extends AsyncDisposable {
  readonly connection: EmbeddedConnection;
  /** Resolves, with a sentence why, when the server has ended without being asked to. */
  readonly crashed: Promise<string>;
  stop(): Promise<void>;
}

export interface EmbeddedServerOptions {
  readonly dataDir: string;
  readonly log: (line: string) => void;
}

const PORT = 5432;
const NAME = "roost";
const START_MS_MAX = 60_000;
const STOP_MS_MAX = 15_000;
const LOG_SIZE_BYTES_MAX = 10 * 1024 * 1024;

const SETTINGS: Record<string, string | number> = {
  listen_addresses: "",
  max_connections: 100,
  shared_buffers: "256MB",
  max_wal_size: "2GB",
  checkpoint_completion_target: 0.9,
  wal_compression: "on",
  random_page_cost: 1.1,
  jit: "off",
  // Many threads of work commit at once: one that is about to wait for the disk lets others join it.
  commit_delay: 20,
  commit_siblings: 8,
  log_min_messages: "warning",
  log_checkpoints: "off",
  timezone: "UTC",
  idle_in_transaction_session_timeout: "60s",
};

/** Starts it, setting it up if need be. Throws DataDirInUse when another Roost has the data directory. */
export async function startEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  mkdirSync(options.dataDir, { recursive: true });
  await using opened = new AsyncDisposableStack();
  opened.use(await lockDataDir(options.dataDir));
  const place = await findPlace(options.dataDir);
  const data = join(place.folder, "data");
  await stopLeftover(data, options.log);
  if (!existsSync(join(data, "PG_VERSION"))) await initialise(place, data, options.log);
  const server = await launch(place, data);
  opened.defer(() => server.stop());
  const connection = { host: place.socketFolder, port: PORT, user: NAME, database: NAME };
  await createDatabase(connection);
  const closing = opened.move();
  return {
    connection,
    crashed: server.crashed,
    stop: () => closing.disposeAsync(),
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

/** The way to the server that runs on this data directory, or null when none does. */
export async function connectToRunningServer(dataDir: string): Promise<EmbeddedConnection | null> {
  const folder = existsSync(dataDir) ? knownFolder(dataDir) : null;
  if (folder === null || readPostmaster(join(folder, "data"))?.ready !== true) return null;
  return { host: socketFolderOf(folder), port: PORT, user: NAME, database: NAME };
}

interface Postmaster {
  readonly pid: number;
  readonly ready: boolean;
}

/** The living postmaster of this data folder. A file left behind, or a number given to another process, is none. */
function readPostmaster(data: string): Postmaster | null {
  let lines: string[];
  try {
    lines = readFileSync(join(data, "postmaster.pid"), "utf8").split("\n");
  } catch {
    return null;
  }
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0 || !isPostmasterOf(pid, data)) return null;
  return { pid, ready: (lines[7] ?? "").trim() === "ready" };
}

function isPostmasterOf(pid: number, data: string): boolean {
  if (process.platform === "linux") {
    try {
      // A postmaster works in its data folder; a zombie works nowhere.
      return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(data);
    } catch {
      return false;
    }
  }
  return isAlive(pid);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function stopLeftover(data: string, log: (line: string) => void): Promise<void> {
  const leftover = readPostmaster(data);
  if (!leftover) return;
  log(`stopping the PostgreSQL (process ${leftover.pid}) that an earlier Roost left running`);
  const gone = () => readPostmaster(data)?.pid !== leftover.pid;
  process.kill(leftover.pid, "SIGINT");
  if (await waitFor(gone, STOP_MS_MAX)) return;
  process.kill(leftover.pid, "SIGQUIT");
  if (await waitFor(gone, STOP_MS_MAX)) return;
  throw new Unavailable(
    `A PostgreSQL (process ${leftover.pid}) of an earlier Roost doesn't stop: end it, then try again`,
  );
}

/** Made beside and moved into place whole, so that being killed in the middle leaves nothing half done. */
async function initialise(place: Place, data: string, log: (line: string) => void): Promise<void> {
  log("setting up PostgreSQL");
  const partial = `${data}.new`;
  rmSync(partial, { recursive: true, force: true });
  rmSync(data, { recursive: true, force: true });
  const args = ["-D", partial, "-U", NAME, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-instructions"];
  // Letters of every script have upper and lower case, whatever locales the machine has.
  args.push("--locale-provider=builtin", "--builtin-locale=C.UTF-8");
  const child = spawn(place.binaries.initdb, args, { ...runAs(place), stdio: ["ignore", "ignore", "pipe"] });
  endWithUs(child);
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const code = await exitOf(child);
  if (code !== 0)
    throw new Unavailable(`PostgreSQL couldn't be set up: ${errors.trim() || `initdb ended with ${code}`}`);
  renameSync(partial, data);
}

/** When we end in a hurry, it's at least told to end too (a fast shutdown, to PostgreSQL), and does so without us. */
function endWithUs(child: ChildProcess): void {
  const tell = () => void child.kill("SIGINT");
  process.once("exit", tell);
  child.once("exit", () => process.off("exit", tell));
}

interface Launched {
  readonly crashed: Promise<string>;
  stop(): Promise<void>;
}

async function launch(place: Place, data: string): Promise<Launched> {
  const logFile = join(place.folder, "postgres.log");
  if (existsSync(logFile) && statSync(logFile).size > LOG_SIZE_BYTES_MAX) renameSync(logFile, `${logFile}.1`);
  // Backends of a killed postmaster may take a moment to leave; until then PostgreSQL refuses to start.
  for (let attempt = 1; ; attempt++) {
    const child = spawnPostmaster(place, data, logFile);
    const exited = exitOf(child);
    const ready = waitFor(() => {
      const postmaster = readPostmaster(data);
      return postmaster?.pid === child.pid && postmaster?.ready === true;
    }, START_MS_MAX);
    const ended = await Promise.race([
      ready.then((isReady) => (isReady ? "ready" : "late")),
      exited.then(() => "exited"),
    ]);
    if (ended === "ready") return launched(child, exited, logFile);
    if (ended === "late") child.kill("SIGQUIT");
    const why = lastLines(logFile);
    if (attempt < 20 && /still in use|lock file/.test(why)) await sleep(250);
    else throw new Unavailable(`PostgreSQL doesn't start: ${why}`);
  }
}

function spawnPostmaster(place: Place, data: string, logFile: string): ChildProcess {
  const settings = { ...SETTINGS, unix_socket_directories: place.socketFolder, port: PORT };
  const args = [
    "-D",
    data,
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ];
  const out = openSync(logFile, "a");
  try {
    // A session of its own: Ctrl-C in a terminal is for Roost, which then stops it in order.
    const child = spawn(place.binaries.postgres, args, {
      ...runAs(place),
      detached: true,
      stdio: ["ignore", out, out],
    });
    endWithUs(child);
    return child;
  } finally {
    closeSync(out);
  }
}

function launched(child: ChildProcess, exited: Promise<number | null>, logFile: string): Launched {
  let stopping = false;
  const crashed = new Promise<string>((resolve) => {
    void exited.then(() => {
      if (!stopping) resolve(lastLines(logFile));
    });
  });
  return {
    crashed,
    stop: async () => {
      stopping = true;
      for (const signal of ["SIGINT", "SIGQUIT", "SIGKILL"] as const) {
        child.kill(signal);
        const late = new AbortController();
        const isGone = await Promise.race([
          exited.then(() => true),
          sleep(STOP_MS_MAX, late.signal).then(() => false),
        ]);
        late.abort();
        if (isGone) return;
      }
    },
  };
}

async function createDatabase(connection: EmbeddedConnection): Promise<void> {
  const client = new pg.Client({ ...connection, database: "postgres", connectionTimeoutMillis: 5_000 });
  // One that breaks between two statements is told by the next; without a listener it would end the process.
  client.on("error", () => {});
  await client.connect();
  try {
    const { rows } = await client.query("select 1 from pg_database where datname = $1", [NAME]);
    if (rows.length === 0) await client.query(`create database ${NAME}`);
  } finally {
    await client.end();
  }
}

function runAs({ user, folder }: Place): { uid?: number; gid?: number; cwd: string; env: NodeJS.ProcessEnv } {
  // The libraries stand beside the binaries; nothing of our own settings and secrets is passed on.
  const env = { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" };
  return user ? { ...user, cwd: folder, env } : { cwd: folder, env };
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", resolve);
  });
}

async function waitFor(condition: () => boolean, forMs: number): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < forMs; waitedMs += 10) {
    if (condition()) return true;
    await sleep(10);
  }
  return false;
}

function lastLines(file: string): string {
  try {
    return readFileSync(file, "utf8").trim().split("\n").slice(-4).join(" | ");
  } catch {
    return `see ${dirname(file)}`;
  }
}
