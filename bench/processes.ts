/** The processes that are measured, and what the kernel tells about them. All that was started ends here, by process id. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { hasKafka, startKafka } from "../src/cluster/kafka.ts";
import { postgresPrograms, startPlainPostgres } from "../src/cluster/plain-postgres.ts";
import { descendantsOf, find, freePort } from "../src/cluster/process.ts";
import { hasRedis, startRedis } from "../src/cluster/redis.ts";
import { sleep } from "../src/core/clock.ts";
import type { Settings } from "./support.ts";

const READY_MS_MAX = 120_000;
const END_MS_MAX = 15_000;
/** The kernel's clock ticks a second, of /proc/PID/stat. It's 100 wherever Node runs on Linux. */
const TICKS_PER_SECOND = 100;

export interface Server extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
}

/** From a checkout. */
const PROGRAM = fileURLToPath(new URL("../bin/roost", import.meta.url));

/** Roost as people start it: everything in one process, or a role in so many. */
export async function startServer(
  settings: Settings,
  { command = "start", processes = 1, program = PROGRAM } = {},
): Promise<Server> {
  const port = await freePort();
  const child = spawn(program, [command, "--processes", `${processes}`], {
    env: {
      ...process.env,
      PORT: `${port}`,
      PUBLIC_URL: `http://127.0.0.1:${port}`,
      HOST: "127.0.0.1",
      RATE_LIMITS: "off",
      LOG_LEVEL: "error",
      DRAIN_MS: "0",
      ...settings,
    },
    // Its log isn't part of what is printed, which may be JSON.
    stdio: ["ignore", process.stderr, "ignore"],
  });
  return untilAnswering(child, `http://127.0.0.1:${port}`, "/readyz");
}

/** The limit of the framework. */
export async function startBareHandler(bodyFile: string): Promise<Server> {
  const port = await freePort();
  const script = fileURLToPath(new URL("./bare-handler.ts", import.meta.url));
  const child = spawn(process.execPath, [script, `${port}`, bodyFile], { stdio: "inherit" });
  return untilAnswering(child, `http://127.0.0.1:${port}`, "/");
}

async function untilAnswering(child: ChildProcess, url: string, path: string): Promise<Server> {
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const deadlineMs = performance.now() + READY_MS_MAX;
  while (performance.now() < deadlineMs && child.exitCode === null) {
    const answer = await fetch(url + path).catch(() => null);
    if (answer?.ok) {
      return {
        url,
        pid: child.pid ?? 0,
        [Symbol.asyncDispose]: async () => {
          child.kill("SIGTERM");
          await exited;
        },
      };
    }
    await sleep(50);
  }
  child.kill("SIGKILL");
  throw new Error("the server didn't start");
}

export interface Engines extends AsyncDisposable {
  /** For processes of Roost on them. */
  readonly settings: Settings;
  readonly redisPort: number;
  /** Process ids by engine. */
  readonly pids: { readonly postgres: number; readonly redis: number; readonly kafka: number | null };
}

/** The engines of a Roost in several processes, on loopback: PostgreSQL, Redis, and Kafka where it's wanted. */
export async function startEngines(folder: string, wanted: { kafka: boolean }): Promise<Engines> {
  if (postgresPrograms() === null) throw new Error("PostgreSQL isn't installed (scripts/install-engines)");
  if (!hasRedis()) throw new Error("Redis isn't installed (scripts/install-engines)");
  if (wanted.kafka && !hasKafka()) throw new Error("Kafka isn't installed (scripts/install-engines)");
  await using opened = new AsyncDisposableStack();
  const port = await freePort();
  const name = "postgres";
  // Fast: it doesn't wait for clients to leave by themselves.
  opened.defer(async () => find(folder, name)?.stop(END_MS_MAX, "SIGINT"));
  await startPlainPostgres({ folder, ports: [port], databases: ["roost"], names: [name] });
  const redis = opened.use(await startRedis({ form: "single", folder: join(folder, "redis") }));
  const kafka = wanted.kafka ? opened.use(await startKafka({ folder: join(folder, "kafka") })) : null;
  const closing = opened.move();
  return {
    settings: {
      DATA_DIR: join(folder, "roost"),
      DATABASE_URL: `postgres://roost@127.0.0.1:${port}/roost`,
      REDIS_URL: redis.url,
      ...(kafka ? { KAFKA_BROKERS: kafka.brokers } : {}),
    },
    redisPort: redis.portOf("redis-1"),
    pids: {
      postgres: find(folder, name)?.record.pid ?? 0,
      redis: redis.pidOf("redis-1"),
      kafka: kafka?.pidOf("kafka-1") ?? null,
    },
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

/** A process and all that it started. */
export function familyOf(pid: number): number[] {
  return [pid, ...descendantsOf(pid)];
}

/** CPU time, user and system, of processes until now. Not a number where the system doesn't tell. */
export function cpuSecondsOf(pids: readonly number[]): number {
  return pids.reduce(
    (sum, pid) => {
      // The name, in parentheses, may hold spaces itself.
      const fields = textOf(`/proc/${pid}/stat`)
        ?.replace(/^.*\) /, "")
        .split(" ");
      return fields ? sum + (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND : sum;
    },
    existsSync("/proc/self/stat") ? 0 : Number.NaN,
  );
}

/** The most memory in RAM that a process has had until now, in MB; null where the system doesn't tell. */
export function peakResidentMb(pid: number): number | null {
  const kb = /^VmHWM:\s+(\d+) kB$/m.exec(textOf(`/proc/${pid}/status`) ?? "")?.[1];
  return kb === undefined ? null : Number(kb) / 1024;
}

/** As `peakResidentMb`, now. */
export function residentMb(pid: number): number | null {
  const kb = /^VmRSS:\s+(\d+) kB$/m.exec(textOf(`/proc/${pid}/status`) ?? "")?.[1];
  return kb === undefined ? null : Number(kb) / 1024;
}

function textOf(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}

/** For an end in the middle: everything that this process started, and what that started, ends. */
export async function endEverything(): Promise<void> {
  const pids = descendantsOf(process.pid);
  // PostgreSQL then doesn't wait for its clients, and Roost stops its PostgreSQL.
  for (const pid of pids) signal(pid, "SIGINT");
  const deadlineMs = performance.now() + END_MS_MAX;
  while (pids.some(isThere) && performance.now() < deadlineMs) await sleep(50);
  for (const pid of pids.filter(isThere)) signal(pid, "SIGKILL");
}

function isThere(pid: number): boolean {
  return signal(pid, 0) && !/\) Z /.test(textOf(`/proc/${pid}/stat`) ?? "");
}

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
