/** PostgreSQL's own load generator: how many transactions a second a server commits. */
import { execFile, spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { postgresPrograms } from "../src/cluster/plain-postgres.ts";
import type { EmbeddedConnection } from "../src/engines/database/embedded-server.ts";

/** Debian's, or the one on PATH. */
function program(): string {
  const debian = join(postgresPrograms() ?? "", "pgbench");
  if (existsSync(debian)) return debian;
  if (spawnSync("pgbench", ["--version"], { stdio: "ignore" }).status === 0) return "pgbench";
  throw new Error("pgbench isn't installed (scripts/install-engines)");
}

export interface PgbenchOptions {
  readonly folder: string;
  readonly script: string;
  readonly connection: EmbeddedConnection;
  readonly connections: number;
  readonly seconds: number;
}

/** Transactions committed a second, each a run of the script, with statements prepared once a connection. */
export async function commitsPerSecond(options: PgbenchOptions): Promise<number> {
  const { folder, script, connection, connections, seconds } = options;
  const { host, port, user, database } = connection;
  const file = join(folder, "post.pgbench");
  writeFileSync(file, script);
  const where = ["-h", host, "-p", `${port}`, "-U", user];
  const how = ["-n", "-M", "prepared", "-f", file, "-c", `${connections}`, "-j", "2", "-T", `${seconds}`];
  const { stdout } = await promisify(execFile)(program(), [...where, ...how, database]);
  const rate = Number(/^tps = ([\d.]+)/m.exec(stdout)?.[1]);
  if (!(rate > 0) || !/failed transactions: 0 /.test(stdout)) throw new Error(`pgbench said: ${stdout}`);
  return rate;
}
