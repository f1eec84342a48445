/**
 * HAProxy as the one address of several API processes, with the configuration that is also deployed: what differs from
 * one place to another is in its environment.
 */
import { spawnSync } from "node:child_process";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { invariant } from "../core/errors.ts";
import { accepts, launch, type ManagedProcess } from "./process.ts";

/** Beside this file's folder in the package, too. */
export const HAPROXY_CONFIGURATION = fileURLToPath(
  new URL("../../deploy/haproxy/haproxy.cfg", import.meta.url),
);

const POSTGRES_PROXY_CONFIGURATION = fileURLToPath(
  new URL("../../deploy/haproxy/postgres.cfg", import.meta.url),
);

export type Balance = "roundrobin" | "leastconn" | "source" | "weighted";

export interface HaproxyOptions {
  readonly name: string;
  readonly folder: string;
  readonly port: number;
  /** Where the API processes listen. */
  readonly servers: readonly number[];
  /** Where streams go; to the API processes unless given. */
  readonly streaming?: readonly number[];
  /** How a server is chosen; in turn unless given. */
  readonly balance?: Balance;
  /** Of the servers, for "weighted". */
  readonly weights?: readonly number[];
  /** Between two health checks. */
  readonly checkMs?: number;
  /** Addresses of proxies in front, whose word on the client's address is believed. */
  readonly trustedEdge?: string;
}

/** As many as the configuration has places for. */
const SERVERS_MAX = 12;
const STREAMING_MAX = 4;
const ANSWER_MS_MAX = 2_000;

export async function startHaproxy(options: HaproxyOptions): Promise<ManagedProcess> {
  const { name, folder, port, servers, streaming = [], weights = [] } = options;
  invariant(
    servers.length <= SERVERS_MAX && streaming.length <= STREAMING_MAX,
    "there is room for all servers",
  );
  const numbered = (prefix: string, values: readonly (string | number)[]) =>
    Object.fromEntries(values.map((value, i) => [`${prefix}_${i + 1}`, `${value}`]));
  const local = (at: number) => `127.0.0.1:${at}`;
  return launch({
    name,
    folder,
    command: "haproxy",
    args: ["-db", "-f", HAPROXY_CONFIGURATION],
    env: {
      BIND: local(port),
      BALANCE: options.balance ?? "roundrobin",
      CHECK_INTERVAL: `${options.checkMs ?? 500}ms`,
      STATS_SOCKET: adminSocket(options),
      // Of each HAProxy of this machine its own.
      WRITES_SOCKET: `unix@${join(folder, `${name}-writes.sock`)}`,
      ...(options.trustedEdge && { TRUSTED_EDGE: options.trustedEdge }),
      ...numbered("API", servers.map(local)),
      ...numbered("STREAMING", streaming.map(local)),
      ...numbered("WEIGHT", weights),
    },
    // Only this one answers there, once it has all its addresses: the port could be somebody else's.
    isReady: async () => (await tellHaproxy(adminSocket(options), "show info")) !== "",
    readyMsMax: 10_000,
  });
}

export interface PostgresProxyOptions {
  readonly name: string;
  readonly folder: string;
  readonly port: number;
  /** Answers 200 while there is a primary. */
  readonly healthPort: number;
  readonly nodes: readonly { readonly port: number; readonly restPort: number }[];
}

/** One address for the PostgreSQL that is the primary now, as Patroni's role check tells. */
export function startPostgresProxy(options: PostgresProxyOptions): Promise<ManagedProcess> {
  const { name, folder, port, healthPort, nodes } = options;
  const places = nodes.flatMap((node, i) => [
    [`POSTGRES_${i + 1}`, "127.0.0.1"],
    [`POSTGRES_PORT_${i + 1}`, `${node.port}`],
    [`PATRONI_PORT_${i + 1}`, `${node.restPort}`],
  ]);
  return launch({
    name,
    folder,
    command: "haproxy",
    args: ["-db", "-f", POSTGRES_PROXY_CONFIGURATION],
    env: { BIND: `127.0.0.1:${port}`, HEALTH_BIND: `127.0.0.1:${healthPort}`, ...Object.fromEntries(places) },
    isReady: () => accepts(port),
    readyMsMax: 10_000,
  });
}

/** Where commands are taken. */
export function adminSocket({ folder, name }: { folder: string; name: string }): string {
  return join(folder, `${name}.sock`);
}

/** Sends a command to HAProxy's admin socket: "show stat", "set server api/api-1 state drain" and the like. */
export function tellHaproxy(socketFile: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketFile);
    let answer = "";
    socket.setTimeout(ANSWER_MS_MAX, () =>
      socket.destroy(new Error(`HAProxy didn't answer "${command}" within ${ANSWER_MS_MAX} ms`)),
    );
    socket.on("data", (chunk) => {
      answer += chunk.toString();
    });
    socket.once("error", reject);
    socket.once("end", () => resolve(answer.trim()));
    socket.once("connect", () => socket.write(`${command}\n`));
  });
}

/** What HAProxy thinks of the servers of a backend: name → "UP", "DOWN", "NOLB", "DRAIN", "MAINT" … */
export async function serverStates(socketFile: string, backend = "api"): Promise<Map<string, string>> {
  const [header = "", ...lines] = (await tellHaproxy(socketFile, "show stat")).replace(/^# /, "").split("\n");
  const columns = header.split(",");
  const rows = lines.map((line) => {
    const cells = line.split(",");
    return (name: string) => cells[columns.indexOf(name)] ?? "";
  });
  const servers = rows.filter((of) => of("pxname") === backend && !/^(BACKEND|FRONTEND)$/.test(of("svname")));
  // Such as "UP 1/2": it answers, and one more failure makes it DOWN.
  return new Map(servers.map((of) => [of("svname"), of("status").split(" ")[0] ?? ""]));
}

/** Whether the program is there. */
export function hasHaproxy(): boolean {
  return spawnSync("haproxy", ["-v"], { stdio: "ignore" }).status === 0;
}
