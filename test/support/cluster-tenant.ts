/**
 * A Roost of a test's own on a cluster that runs already: a database, keys and topics that nobody else has, two API
 * processes and one that plays all other roles. A balancer gives each request to the other API process than the one
 * before, so that what one process alone would know is never enough.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { startHaproxy } from "../../src/cluster/haproxy.ts";
import { freePort } from "../../src/cluster/process.ts";
import { engineSettings } from "../../src/cluster/topology.ts";
import type { RunningRoost } from "./start-roost.ts";
import { waitFor } from "./wait.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
/** On a machine that does much else; three seconds by itself. */
const READY_MS_MAX = 120_000;
const STOP_MS_MAX = 30_000;
const ROLES = ["api", "api", "worker"];

/** The DATA_DIR of a running cluster, when tests are to run on it. */
export const testCluster = process.env.TEST_CLUSTER || null;

type Settings = Readonly<Record<string, string>>;

/** The settings of the tenant that belongs to a data directory. */
export function tenantSettings(dataDir: string): Settings {
  const { basePort, brokers } = JSON.parse(
    readFileSync(join(testCluster ?? "", "cluster", "cluster.json"), "utf8"),
  );
  const name = `test_${createHash("sha256").update(dataDir).digest("hex").slice(0, 12)}`;
  return {
    ...engineSettings({ basePort, brokers }, name),
    REDIS_KEY_PREFIX: name,
    KAFKA_TOPIC_PREFIX: name,
    DATA_DIR: dataDir,
    HOST: "127.0.0.1",
    SIGN_UPS: "open",
    RATE_LIMITS: "off",
    LOG_LEVEL: "warn",
    NO_COLOR: "1",
    TRUSTED_PROXIES: "127.0.0.1",
  };
}

function directUrl(settings: Settings): URL {
  return new URL(settings.DATABASE_DIRECT_URL ?? settings.DATABASE_URL ?? "");
}

/** Makes the tenant's databases unless they are there. */
export function ensureDatabases(settings: Settings): Promise<void> {
  return onEach(settings, async (client, name) => {
    const { rows } = await client.query("select from pg_database where datname = $1", [name]);
    if (rows.length === 0) await client.query(`create database ${name}`);
  });
}

/** On every server that a database of the tenant is on. */
async function onEach(
  settings: Settings,
  work: (client: pg.Client, name: string) => Promise<unknown>,
): Promise<void> {
  const shards = (settings.SHARD_DIRECT_URLS ?? settings.SHARD_URLS ?? "")
    .split(",")
    .filter((url) => url !== "");
  for (const url of [directUrl(settings), ...shards.map((one) => new URL(one))]) {
    const name = url.pathname.slice(1);
    url.pathname = "/postgres";
    const client = new pg.Client(url.href);
    await client.connect();
    try {
      await work(client, name);
    } finally {
      await client.end();
    }
  }
}

export async function startOnCluster(options: { env: Settings; dataDir: string }): Promise<RunningRoost> {
  const { dataDir } = options;
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const settings: Settings = { ...tenantSettings(dataDir), PUBLIC_URL: url, ...options.env };
  await mkdir(dataDir, { recursive: true });
  await ensureDatabases(settings);
  const processes = await Promise.all(
    ROLES.map(async (role) => new Process(role, { ...settings, PORT: `${await freePort()}` })),
  );
  const servers = processes.filter(({ role }) => role === "api").map((one) => one.port);
  const balancer = await startHaproxy({ name: "haproxy", folder: dataDir, port, servers });
  const output = () => processes.map((process) => process.told).join("");
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    const codes = await Promise.all(processes.map((process) => process.end(signal)));
    await balancer.stop(0);
    return codes.find((code) => code !== 0) ?? 0;
  };
  try {
    await Promise.all(processes.map((process) => process.ready()));
    await waitFor(
      () =>
        fetch(`${url}/readyz`)
          .then((answer) => answer.ok)
          .catch(() => false),
      READY_MS_MAX,
      "the balancer answers",
    );
  } catch (error) {
    await end("SIGKILL");
    throw error;
  }
  const [first] = processes;
  return {
    url,
    dataDir,
    pid: first?.child.pid ?? 0,
    exited: Promise.all(processes.map(({ exited }) => exited)).then(
      (codes) => codes.find((code) => code !== 0) ?? 0,
    ),
    output,
    database: async () => ({ connectionString: directUrl(settings).href }),
    command: (...args) =>
      void execFileSync(process.execPath, [MAIN, ...args], {
        env: { ...process.env, ...settings },
        stdio: "pipe",
      }),
    stop: () => end("SIGTERM"),
    kill9: async () => void (await end("SIGKILL")),
    [Symbol.asyncDispose]: async () => void (await end("SIGTERM")),
  };
}

/** One more process of a tenant that runs: with the same settings, in this role. Whoever joins it ends it. */
export async function joinOnCluster(
  running: Pick<RunningRoost, "dataDir" | "url">,
  role: string,
  env: Settings = {},
): Promise<Process> {
  const { dataDir, url } = running;
  const process = new Process(role, {
    ...tenantSettings(dataDir),
    PUBLIC_URL: url,
    ...env,
    PORT: `${await freePort()}`,
  });
  try {
    await process.ready();
    return process;
  } catch (error) {
    await process.end("SIGKILL");
    throw error;
  }
}

export class Process {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  told = "";
  readonly role: string;
  readonly port: number;

  constructor(role: string, settings: Settings) {
    this.role = role;
    this.port = Number(settings.PORT);
    // In the data directory, so that its processes can be told from others by where they work.
    this.child = spawn(process.execPath, [MAIN, role, "--processes", "1"], {
      cwd: settings.DATA_DIR,
      env: { PATH: process.env.PATH, ...settings },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.exited = new Promise((resolve) => this.child.once("exit", (code) => resolve(code)));
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on("data", (chunk: Buffer) => {
        this.told = (this.told + chunk.toString()).slice(-100_000);
      });
  }

  async ready(): Promise<void> {
    const ended = () => this.child.exitCode !== null || this.child.signalCode !== null;
    await waitFor(
      () =>
        ended() ||
        fetch(`http://127.0.0.1:${this.port}/readyz`)
          .then((answer) => answer.ok)
          .catch(() => false),
      READY_MS_MAX,
      `the ${this.role} process is ready`,
    ).catch((error: Error) => {
      throw new Error(`${error.message}:\n${this.told}`);
    });
    if (ended()) throw new Error(`the ${this.role} process ended instead of starting:\n${this.told}`);
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    const late = setTimeout(() => this.child.kill("SIGKILL"), STOP_MS_MAX);
    const code = await this.exited;
    clearTimeout(late);
    return code;
  }
}

/** Ends what is left of a tenant. */
export async function removeTenant(dataDir: string): Promise<void> {
  if (!existsSync(dataDir)) return;
  await onEach(tenantSettings(dataDir), (client, name) =>
    client.query(`drop database if exists ${name} with (force)`),
  );
}
