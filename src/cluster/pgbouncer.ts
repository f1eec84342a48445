/** PgBouncer in transaction mode: many clients on few connections to PostgreSQL. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { userNamed } from "./plain-postgres.ts";
import { accepts, launch, type ManagedProcess } from "./process.ts";

const PROGRAM = "/usr/sbin/pgbouncer";

export interface PgBouncerOptions {
  readonly name: string;
  readonly folder: string;
  readonly port: number;
  /** Of the PostgreSQL, on loopback. Every database of it can be reached, as `roost`. */
  readonly postgresPort: number;
  /** Connections to each database. */
  readonly serverConnections: number;
}

export function hasPgBouncer(): boolean {
  return existsSync(PROGRAM);
}

export async function startPgBouncer(options: PgBouncerOptions): Promise<ManagedProcess> {
  const { name, folder, port } = options;
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.ini`);
  writeFileSync(file, `${configuration(options).join("\n")}\n`, { mode: 0o644 });
  return launch({
    name,
    folder,
    command: PROGRAM,
    args: [file],
    isReady: () => accepts(port),
    readyMsMax: 10_000,
    // It never runs as root.
    ...(process.getuid?.() === 0 ? userNamed("postgres") : {}),
  });
}

function configuration({ port, postgresPort, serverConnections }: PgBouncerOptions): string[] {
  return [
    "[databases]",
    `* = host=127.0.0.1 port=${postgresPort} user=roost`,
    "[pgbouncer]",
    "listen_addr = 127.0.0.1",
    `listen_port = ${port}`,
    "unix_socket_dir =",
    // Loopback alone, and PostgreSQL trusts it, too.
    "auth_type = any",
    "pool_mode = transaction",
    `default_pool_size = ${serverConnections}`,
    "max_client_conn = 3000",
    // Who waits for longer is refused: an honest error within the time of a request.
    "query_wait_timeout = 10",
    "server_login_retry = 1",
    "server_connect_timeout = 2",
    "tcp_keepalive = 1",
    "ignore_startup_parameters = extra_float_digits,statement_timeout",
    "log_connections = 0",
    "log_disconnections = 0",
    "stats_period = 600",
  ];
}
