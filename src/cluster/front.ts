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

/** A process that had the request is gone or hangs: nobody knows how far it came. */
const UNKNOWN_OUTCOME =
  "The server that worked on this has failed; look whether it was done, or repeat it with its Idempotency-Key";
/** What people are told by HAProxy itself, in the form of Roost's own errors. */
const SENTENCES = {
  "502 Bad Gateway": UNKNOWN_OUTCOME,
  "503 Service Unavailable": "The service is not available at the moment; try again in a few seconds",
  "504 Gateway Timeout": UNKNOWN_OUTCOME,
};

export async function startFront({ name, folder, port, servers }: FrontOptions): Promise<ManagedProcess> {
  mkdirSync(folder, { recursive: true });
  const errorFiles = Object.entries(SENTENCES).map(([status, sentence]) => {
    const file = join(folder, `${name}.${status.slice(0, 3)}.http`);
    const head = [`HTTP/1.1 ${status}`, "Content-Type: application/json", "Retry-After: 2"];
    writeFileSync(
      file,
      [...head, "Cache-Control: no-store", "", JSON.stringify({ error: sentence })].join("\r\n"),
    );
    return `  errorfile ${status.slice(0, 3)} ${file}`;
  });
  const file = join(folder, `${name}.cfg`);
  writeFileSync(file, `${configuration(port, servers, errorFiles).join("\n")}\n`);
  return launch({
    name,
    folder,
    command: "haproxy",
    args: ["-db", "-f", file],
    isReady: () => accepts(port),
    readyMsMax: 10_000,
  });
}

function configuration(port: number, servers: readonly number[], errorFiles: readonly string[]): string[] {
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
    ...errorFiles,
    "frontend front",
    `  bind 127.0.0.1:${port}`,
    "  default_backend api",
    "backend api",
    "  balance roundrobin",
    "  option httpchk GET /readyz",
    // Who waits for a process that hangs is told so; streams come back to another one.
    "  default-server check inter 500ms fastinter 200ms fall 2 rise 1 on-marked-down shutdown-sessions",
    ...servers.map((at, i) => `  server api-${i + 1} 127.0.0.1:${at}`),
  ];
}

/** Whether the program is there. */
export function hasHaproxy(): boolean {
  return spawnSync("haproxy", ["-v"], { stdio: "ignore" }).status === 0;
}
