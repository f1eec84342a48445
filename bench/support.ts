/** A server of one's own to measure: started as people start it, with accounts made straight in its database. */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import autocannon from "autocannon";
import { createAccessToken } from "../src/accounts/tokens.ts";
import { freePort } from "../src/cluster/process.ts";
import { openRoost, type Roost } from "../src/composition.ts";
import { loadConfig } from "../src/config.ts";
import { sleep } from "../src/core/clock.ts";
import { type AccountId, makeId } from "../src/core/ids.ts";

/** Label and value, as printed. */
export type Row = readonly [string, string];

export interface Account {
  readonly id: AccountId;
  readonly token: string;
}

export function machine(): string {
  const [cpu] = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GB`;
  return `${cpus().length} × ${cpu?.model.trim() ?? "unknown"}, ${memory}, Node ${process.version}`;
}

export function temporaryFolder(): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), "roost-bench-"));
  // PostgreSQL runs as another user when we are root, and must get in.
  chmodSync(path, 0o755);
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Fills a data directory before its server starts. */
export async function prepare<T>(dataDir: string, work: (roost: Roost) => Promise<T>): Promise<T> {
  const { config } = loadConfig({ DATA_DIR: dataDir, LOG_LEVEL: "error" }, {});
  await using roost = await openRoost(config, { roles: [] });
  // Awaited here: Roost must stay open until the work is done.
  return await work(roost);
}

let made = 0;

export async function makeAccounts(roost: Roost, count: number, prefix: string): Promise<Account[]> {
  const { db } = roost.database;
  const accounts: Account[] = [];
  for (let i = 0; i < count; i++) {
    const id = makeId(Date.UTC(2025, 0, 1) + made++ * 1000, i % 1024, 0);
    await db
      .insertInto("accounts")
      .values({ id, username: `${prefix}${i}` })
      .execute();
    await db
      .insertInto("credentials")
      .values({
        account_id: id,
        email: `${prefix}${i}@example.org`,
        password_hash: "-",
        confirmed_at: new Date(0),
      })
      .execute();
    const { token } = await createAccessToken(db, {
      accountId: id,
      appId: null,
      scopes: ["read", "write", "follow"],
    });
    accounts.push({ id, token });
  }
  return accounts;
}

export interface Server extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
}

/** A Roost process of its own. */
export async function startServer(dataDir: string, env: Record<string, string> = {}): Promise<Server> {
  const port = await freePort();
  const child = spawn(fileURLToPath(new URL("../bin/roost", import.meta.url)), ["start"], {
    env: {
      ...process.env,
      DATA_DIR: dataDir,
      PORT: `${port}`,
      PUBLIC_URL: `http://127.0.0.1:${port}`,
      HOST: "127.0.0.1",
      RATE_LIMITS: "off",
      LOG_LEVEL: "warn",
      ...env,
    },
    stdio: ["ignore", "inherit", "ignore"],
  });
  return untilAnswering(child, `http://127.0.0.1:${port}`, "/readyz");
}

export async function untilAnswering(child: ChildProcess, url: string, path: string): Promise<Server> {
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  for (let tries = 0; tries < 300; tries++) {
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
    await sleep(100);
  }
  child.kill("SIGKILL");
  throw new Error("the server didn't start");
}

export interface Load {
  readonly url: string;
  readonly seconds: number;
  readonly connections: number;
  readonly headers?: Record<string, string>;
  readonly method?: "GET" | "POST";
  /** Called for each request that is sent. */
  readonly each?: (request: autocannon.Request) => autocannon.Request;
}

/** Requests answered a second; throws when any was not 2xx. */
export async function requestsPerSecond(load: Load): Promise<{ rate: number; p99Ms: number }> {
  const result = await autocannon({
    url: load.url,
    connections: load.connections,
    duration: load.seconds,
    method: load.method ?? "GET",
    headers: load.headers ?? {},
    ...(load.each ? { requests: [{ setupRequest: load.each }] } : {}),
  });
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(`${result.non2xx} answers were no success, ${result.errors} requests failed`);
  }
  return { rate: result.requests.total / result.duration, p99Ms: result.latency.p99 };
}

/** Memory of a process that is in RAM now, in MB; null where the system doesn't tell. */
export function residentMb(pid: number): number | null {
  try {
    const kb = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kb === undefined ? null : Math.round(Number(kb) / 1024);
  } catch {
    return null;
  }
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

export function perSecond(rate: number): string {
  return `${Math.round(rate).toLocaleString("en")}/s`;
}
