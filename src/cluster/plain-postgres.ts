/**
 * A PostgreSQL with streaming replicas on loopback, without anything that watches over them: when the primary goes,
 * nobody takes its place until it is back. Everybody on this machine may connect, as `roost`.
 */
import { execFile } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { Unavailable } from "../core/errors.ts";
import { launch, type ManagedProcess } from "./process.ts";

export interface PlainPostgresOptions {
  readonly folder: string;
  /** Of the primary, then of its replicas. */
  readonly ports: readonly number[];
  /** Made on the primary. */
  readonly databases: readonly string[];
  /** Names of the processes, in the order of their ports. */
  readonly names: readonly string[];
}

const READY_MS_MAX = 30_000;
const VERSION_MIN = 15;
const VERSIONS = "/usr/lib/postgresql";

/** Where Debian's PostgreSQL has its programs; null when there is none that is new enough. */
export function postgresPrograms(): string | null {
  const versions = existsSync(VERSIONS) ? readdirSync(VERSIONS).map(Number) : [];
  const newest = Math.max(0, ...versions.filter((version) => version >= VERSION_MIN));
  const programs = join(VERSIONS, `${newest}`, "bin");
  return existsSync(join(programs, "pg_basebackup")) ? programs : null;
}

export async function startPlainPostgres(options: PlainPostgresOptions): Promise<void> {
  const programs = postgresPrograms();
  if (!programs) throw new Unavailable("PostgreSQL isn't installed; run scripts/install-engines");
  const user = process.getuid?.() === 0 ? userNamed("postgres") : null;
  const [port = 0, ...replicaPorts] = options.ports;
  const [name = "", ...replicaNames] = options.names;
  const run = promisify(execFile);
  const folderOf = (node: string) => {
    const folder = join(options.folder, node);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
    if (user) chownSync(folder, user.uid, user.gid);
    return folder;
  };
  const start = (node: string, at: number): Promise<ManagedProcess> =>
    launch({
      name: node,
      folder: options.folder,
      command: join(programs, "postgres"),
      args: ["-D", folderOf(node), "-p", `${at}`],
      cwd: folderOf(node),
      isReady: () => answers(at),
      readyMsMax: READY_MS_MAX,
      ...user,
    });
  const data = folderOf(name);
  const initdb = ["-D", data, "-U", "roost", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"];
  await run(join(programs, "initdb"), initdb, { cwd: data, ...user });
  const settings = [["listen_addresses", "127.0.0.1"], ...POSTGRES_SETTINGS];
  const lines = settings.map(([setting, value]) => `${setting} = '${value}'\n`);
  appendFileSync(join(data, "postgresql.conf"), lines.join(""));
  await start(name, port);
  await Promise.all(options.databases.map((database) => createDatabase(port, database)));
  await Promise.all(
    replicaNames.map(async (replica, i) => {
      const copy = folderOf(replica);
      const slot = replica.replaceAll("-", "_");
      const from = ["-h", "127.0.0.1", "-p", `${port}`, "-U", "roost"];
      const how = ["-X", "stream", "-c", "fast", "-C", "-S", slot, "-R", "-D", copy];
      await run(join(programs, "pg_basebackup"), [...from, ...how], { cwd: copy, ...user });
      await start(replica, replicaPorts[i] ?? 0);
    }),
  );
}

/** For many small databases on one machine. */
export const POSTGRES_SETTINGS: readonly (readonly [name: string, value: string])[] = [
  ["unix_socket_directories", ""],
  ["max_connections", "300"],
  ["shared_buffers", "64MB"],
  ["wal_level", "replica"],
  ["hot_standby", "on"],
  ["max_wal_size", "512MB"],
  ["jit", "off"],
  ["idle_in_transaction_session_timeout", "60s"],
];

/** Whether a server on this port takes queries. */
export async function answers(port: number): Promise<boolean> {
  const client = new pg.Client({ ...connectionTo(port, "postgres"), query_timeout: 2_000 });
  // Told by what fails, too.
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query("select 1");
    return true;
  } finally {
    await client.end().catch(() => {});
  }
}

export async function createDatabase(port: number, database: string): Promise<void> {
  const client = new pg.Client(connectionTo(port, "postgres"));
  client.on("error", () => {});
  await client.connect();
  try {
    await client.query(`create database ${database}`);
  } finally {
    await client.end();
  }
}

function connectionTo(port: number, database: string): pg.ClientConfig {
  return { host: "127.0.0.1", port, user: "roost", database, connectionTimeoutMillis: 2_000 };
}

export function userNamed(name: string): { uid: number; gid: number } {
  const entry = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .find(([found]) => found === name);
  if (!entry) throw new Unavailable(`PostgreSQL never runs as root, and there is no user ${name}`);
  return { uid: Number(entry[2]), gid: Number(entry[3]) };
}
