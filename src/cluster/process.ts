/**
 * A process of an engine: started detached with its output in a file, recorded in a file, so that a later command can
 * find it again, and stopped by its process id. A pid alone may by then belong to somebody else: the record also holds
 * when the process started, and one that started at another time is not ours.
 */
import { spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { sleep } from "../core/clock.ts";
import { Unavailable } from "../core/errors.ts";

export interface LaunchSpec {
  /** Names its files: NAME.log and NAME.json in `folder`. */
  readonly name: string;
  /** Where its log and record are kept. */
  readonly folder: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** For engines that refuse to run as root. */
  readonly uid?: number;
  readonly gid?: number;
  /** Asked again and again until it's true; a rejection counts as false. */
  readonly isReady: () => Promise<boolean>;
  readonly readyMsMax: number;
}

/** What `launchAgain` needs to know; kept in NAME.launch.json until the folder is removed. */
type LaunchRecord = Pick<LaunchSpec, "command" | "args" | "env" | "cwd" | "uid" | "gid">;

export interface ProcessRecord {
  readonly name: string;
  readonly pid: number;
  /** The kernel's count of ticks at which it started, as text. */
  readonly startedAt: string;
}

const POLL_MS = 25;
const LOG_TAIL_LINES = 15;
/** A stack in a line of JSON says at its beginning what happened. */
const LOG_TAIL_COLUMNS = 400;

/** Starts it; resolves when it is ready. Throws Unavailable, with its last words, when it ends or takes too long. */
export async function launch(spec: LaunchSpec): Promise<ManagedProcess> {
  mkdirSync(spec.folder, { recursive: true });
  const logFile = join(spec.folder, `${spec.name}.log`);
  const log = openSync(logFile, "a");
  const child = spawn(spec.command, spec.args, {
    cwd: spec.cwd ?? spec.folder,
    env: { PATH: process.env.PATH, ...spec.env },
    detached: true,
    stdio: ["ignore", log, log],
    ...(spec.uid === undefined ? {} : { uid: spec.uid }),
    ...(spec.gid === undefined ? {} : { gid: spec.gid }),
  });
  closeSync(log);
  child.unref();
  let failure = "";
  child.once("error", (error) => {
    failure = error.message;
  });
  child.once("exit", (code, signal) => {
    failure ||= `it ended with ${code ?? signal}`;
  });
  const { pid } = child;
  const startedAt = pid === undefined ? null : startTimeOf(pid);
  if (pid !== undefined && startedAt !== null) {
    const managed = new ManagedProcess({ name: spec.name, pid, startedAt }, spec.folder);
    writeFileSync(managed.recordFile, JSON.stringify(managed.record));
    const { command, args, env, cwd, uid, gid } = spec;
    const again: LaunchRecord = {
      command,
      args,
      ...(env && { env }),
      ...(cwd !== undefined && { cwd }),
      ...(uid !== undefined && { uid }),
      ...(gid !== undefined && { gid }),
    };
    // Its environment may hold passwords.
    writeFileSync(launchFileOf(spec.folder, spec.name), JSON.stringify(again), { mode: 0o600 });
    const deadlineMs = performance.now() + spec.readyMsMax;
    while (failure === "" && performance.now() < deadlineMs) {
      if (await spec.isReady().catch(() => false)) return managed;
      await sleep(POLL_MS);
    }
    failure ||= `it wasn't ready within ${spec.readyMsMax / 1000} s`;
    await managed.stop(0);
  }
  throw new Unavailable(`${spec.name} could not be started: ${failure || "no process"}\n${tailOf(logFile)}`);
}

/** Starts what ran under this name before, as it was started then. */
export function launchAgain(
  spec: Pick<LaunchSpec, "folder" | "name" | "isReady" | "readyMsMax">,
): Promise<ManagedProcess> {
  const before = JSON.parse(readFileSync(launchFileOf(spec.folder, spec.name), "utf8")) as LaunchRecord;
  return launch({ ...before, ...spec });
}

/** Whether `launchAgain` knows how. */
export function wasLaunched(folder: string, name: string): boolean {
  return existsSync(launchFileOf(folder, name));
}

function launchFileOf(folder: string, name: string): string {
  return join(folder, `${name}.launch.json`);
}

/** The process of a record that `launch` wrote; null when there is none or it has ended. */
export function find(folder: string, name: string): ManagedProcess | null {
  try {
    const record = JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")) as ProcessRecord;
    const found = new ManagedProcess(record, folder);
    return found.isAlive() ? found : null;
  } catch {
    return null;
  }
}

export class ManagedProcess implements AsyncDisposable {
  readonly record: ProcessRecord;
  readonly #folder: string;

  constructor(record: ProcessRecord, folder: string) {
    this.record = record;
    this.#folder = folder;
  }

  get recordFile(): string {
    return join(this.#folder, `${this.record.name}.json`);
  }

  isAlive(): boolean {
    return startTimeOf(this.record.pid) === this.record.startedAt;
  }

  /** Whether SIGSTOP holds it. */
  isFrozen(): boolean {
    return this.isAlive() && /^[Tt]$/.test(statOf(this.record.pid)?.[0] ?? "");
  }

  /** To the process alone, not to its children. False when it's gone. */
  signal(signal: NodeJS.Signals): boolean {
    if (!this.isAlive()) return false;
    try {
      return process.kill(this.record.pid, signal);
    } catch {
      return false;
    }
  }

  /** Asks it to end; after `graceMs` it is killed, and with it what it started. Forgets its record. */
  async stop(graceMs = 10_000, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    if (graceMs > 0) {
      this.signal(signal);
      this.signal("SIGCONT");
      await this.#gone(graceMs);
    }
    if (this.isAlive()) {
      // Detached, it leads a process group of its own.
      try {
        process.kill(-this.record.pid, "SIGKILL");
      } catch {
        this.signal("SIGKILL");
      }
      await this.#gone(5_000);
    }
    rmSync(this.recordFile, { force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #gone(msMost: number): Promise<void> {
    const deadlineMs = performance.now() + msMost;
    while (this.isAlive() && performance.now() < deadlineMs) await sleep(POLL_MS);
  }
}

/** Null when there is no such process, or only a zombie. */
function startTimeOf(pid: number): string | null {
  const fields = statOf(pid);
  return fields === null || fields[0] === "Z" ? null : (fields[19] ?? null);
}

/** What the kernel tells about a process: its state first, when it started as the 20th. */
function statOf(pid: number): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name, in parentheses, may hold spaces and parentheses itself.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}

/** Where programs keep what they can get again, also when HOME or XDG_CACHE_HOME are empty. */
export function cacheFolder(): string {
  return process.env.XDG_CACHE_HOME || join(process.env.HOME || userInfo().homedir, ".cache");
}

/**
 * What works in a folder or below it and has no terminal: children whose parent was killed, which have no record.
 * Somebody's shell in that folder isn't meant, and neither is the script that called this.
 */
export function processesIn(folder: string): number[] {
  const session = statOf(process.pid)?.[3];
  return readdirSync("/proc").flatMap((entry) => {
    const pid = Number(entry);
    const fields = Number.isInteger(pid) ? statOf(pid) : null;
    if (fields === null || fields[0] === "Z" || fields[3] === session || fields[4] !== "0") return [];
    try {
      const at = readlinkSync(`/proc/${pid}/cwd`);
      return at === folder || at.startsWith(`${folder}/`) ? [pid] : [];
    } catch {
      return [];
    }
  });
}

/** Its children and theirs. */
export function descendantsOf(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync("/proc")) {
    const fields = /^\d+$/.test(entry) ? statOf(Number(entry)) : null;
    if (fields) parents.set(Number(entry), Number(fields[1]));
  }
  const found = [pid];
  for (const ancestor of found)
    for (const [child, parent] of parents) if (parent === ancestor) found.push(child);
  return found.slice(1);
}

/** Below what kernels give to outgoing connections and to servers that don't care (32,768 and up on Linux). */
const PORT_MIN = 12_000;
const PORTS = 10_000;
const PORT_TRIES_MAX = 100;

/**
 * A port on loopback that was free a moment ago. One that the system chooses could be given to the next outgoing
 * connection, or to another process that asks, before who asked here listens.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORT_TRIES_MAX; tries++) {
    const port = PORT_MIN + Math.floor(Math.random() * PORTS);
    if (await isFree(port)) return port;
  }
  throw new Unavailable(`found no free port from ${PORT_MIN} to ${PORT_MIN + PORTS - 1}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** Whether something accepts connections there. */
export function accepts(port: number, host = "127.0.0.1"): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host });
    const done = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(1_000, () => done(false));
    socket.once("connect", () => done(true));
    socket.once("error", () => done(false));
  });
}

/** The last lines of a log; nothing when there is none. */
export function tailOf(file: string, lines = LOG_TAIL_LINES, columns = LOG_TAIL_COLUMNS): string {
  if (!existsSync(file)) return "";
  const last = readFileSync(file, "utf8").trimEnd().split("\n").slice(-lines);
  return last.map((line) => (line.length > columns ? `${line.slice(0, columns)} …` : line)).join("\n");
}
