/**
 * nginx as an edge that keeps files, or as a balancer of its own, with the configuration that is also deployed: what
 * differs from one place to another is put into it, as the image's entrypoint does.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { invariant } from "../core/errors.ts";
import type { Balance } from "./haproxy.ts";
import { accepts, launch, type ManagedProcess } from "./process.ts";

const DEPLOYED = fileURLToPath(new URL("../../deploy/nginx", import.meta.url));

export interface NginxOptions {
  readonly name: string;
  readonly folder: string;
  readonly port: number;
  /** Where the API processes listen, or a HAProxy in front of them. */
  readonly servers: readonly number[];
  /** Where streams go; to `servers` unless given. */
  readonly streaming?: readonly number[];
  /** How a server is chosen; in turn unless given. */
  readonly balance?: Balance;
  /** Of the servers; they count for "weighted" alone. */
  readonly weights?: readonly number[];
  /** Addresses of proxies in front, whose word on the client's address is believed. */
  readonly trustedEdge?: string;
}

/** Nobody has this address. */
const NOBODY = "255.255.255.255";

export async function startNginx(options: NginxOptions): Promise<ManagedProcess> {
  const { name, port } = options;
  // The master's folder of its own: nginx keeps temporary files.
  const folder = join(options.folder, name);
  for (const kept of ["temp", "cache"]) mkdirSync(join(folder, kept), { recursive: true });
  writeFileSync(join(folder, "roost.conf"), rendered(options, folder));
  const file = join(folder, "nginx.conf");
  writeFileSync(file, `${mainConfiguration(folder).join("\n")}\n`);
  return launch({
    name,
    folder: options.folder,
    command: "nginx",
    args: ["-p", folder, "-e", join(folder, "error.log"), "-c", file, "-g", "daemon off;"],
    isReady: () => accepts(port),
    readyMsMax: 10_000,
  });
}

function rendered(options: NginxOptions, folder: string): string {
  const { port, servers, streaming = servers, balance = "roundrobin", weights = [] } = options;
  const list = (ports: readonly number[], weighted: readonly number[] = []) =>
    ports
      .map((at, i) => `server 127.0.0.1:${at} max_fails=2 fail_timeout=5s weight=${weighted[i] ?? 1};`)
      .join("\n  ");
  const values: Readonly<Record<string, string>> = {
    LISTEN: `127.0.0.1:${port}`,
    ...balanced(balance, list(servers, weights)),
    STREAMING_SERVERS: list(streaming),
    TRUSTED_EDGE: options.trustedEdge ?? NOBODY,
    FORWARDED_PROTO: "$scheme",
    CACHE_DIR: join(folder, "cache"),
    CACHE_SIZE: "100m",
  };
  const template = readFileSync(join(DEPLOYED, "roost.conf.template"), "utf8");
  return template.replace(/\$\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole);
}

/** What the deployed script makes of BALANCE and of the servers, read by a shell as the image's entrypoint reads it. */
function balanced(balance: Balance, servers: string): Record<string, string> {
  const script = 'BALANCE="$1" API_SERVERS="$2"; . "$0"; printf "%s\\0%s" "$BALANCE_METHOD" "$API_SERVERS"';
  const args = ["-ec", script, join(DEPLOYED, "15-balance.envsh"), balance, servers];
  const { status, stdout, stderr } = spawnSync("sh", args, { encoding: "utf8" });
  invariant(status === 0, `nginx's servers can be told how to be chosen: ${stderr}`);
  const [BALANCE_METHOD = "", API_SERVERS = ""] = stdout.split("\0");
  return { BALANCE_METHOD, API_SERVERS };
}

/** What the image has of its own. */
function mainConfiguration(folder: string): string[] {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `  ${kind}_temp_path ${join(folder, "temp", kind)};`,
  );
  return [
    // As root its workers would be somebody else, who may not be able to reach the folder.
    ...(process.getuid?.() === 0 ? ["user root;"] : []),
    "worker_processes 1;",
    `pid ${join(folder, "nginx.pid")};`,
    "events { worker_connections 4096; }",
    "http {",
    ...temporary,
    "  access_log off;",
    "  default_type application/octet-stream;",
    `  include ${join(folder, "roost.conf")};`,
    "}",
  ];
}

/** Whether the program is there. */
export function hasNginx(): boolean {
  return spawnSync("nginx", ["-v"], { stdio: "ignore" }).status === 0;
}
