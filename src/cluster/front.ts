/** HAProxy as the one address of several API processes: each request goes to the next of those that are ready. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { accepts, launch, type ManagedProcess } from "./process.ts";

export interface FrontOptions {
  readonly name: string;
  readonly folder: string;
  readonly port: number;
  /** Where the API processes listen. */
  readonly servers: readonly number[];
}

/** What people are told while no API process is ready: as Roost would say it. */
const NOBODY_IS_READY = [
  "HTTP/1.1 503 Service Unavailable",
  "Content-Type: application/json",
  "Retry-After: 2",
  "Cache-Control: no-store",
  "",
  '{"error":"The service is not available at the moment; try again in a few seconds"}',
];

export async function startFront({ name, folder, port, servers }: FrontOptions): Promise<ManagedProcess> {
  mkdirSync(folder, { recursive: true });
  const refusal = join(folder, `${name}.503.http`);
  writeFileSync(refusal, NOBODY_IS_READY.join("\r\n"));
  const file = join(folder, `${name}.cfg`);
  writeFileSync(file, `${configuration(port, servers, refusal).join("\n")}\n`);
  return launch({
    name,
    folder,
    command: "haproxy",
    args: ["-db", "-f", file],
    isReady: () => accepts(port),
    readyMsMax: 10_000,
  });
}

function configuration(port: number, servers: readonly number[], refusal: string): string[] {
  return [
    "global",
    "  maxconn 4000",
    "defaults",
    "  mode http",
    "  timeout connect 2s",
    "  timeout client 75s",
    "  timeout server 75s",
    "  timeout queue 5s",
    "  timeout http-request 20s",
    "  timeout tunnel 1h",
    "  option forwardfor",
    // A connection that was never made has sent nothing: another process may be asked. What was sent isn't repeated.
    "  retries 2",
    "  retry-on conn-failure",
    "  option redispatch 1",
    `  errorfile 503 ${refusal}`,
    "frontend front",
    `  bind 127.0.0.1:${port}`,
    "  default_backend api",
    "backend api",
    "  balance roundrobin",
    "  option httpchk GET /readyz",
    "  default-server check inter 500ms fastinter 200ms fall 2 rise 1",
    ...servers.map((at, i) => `  server api-${i + 1} 127.0.0.1:${at}`),
  ];
}

/** Whether the program is there. */
export function hasHaproxy(): boolean {
  return spawnSync("haproxy", ["-v"], { stdio: "ignore" }).status === 0;
}
