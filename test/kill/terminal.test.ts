/** A server on a terminal: what Ctrl-C, pressed once or twice, and closing the window leave behind. Nothing. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hasTerminals } from "../../src/cli/spawned.ts";
import { testCluster } from "../support/cluster-tenant.ts";
import { isRunning, makeDataDir, processesOf, removeDataDir, waitFor } from "../support/start-roost.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

let dataDir: string;
const started: ChildProcess[] = [];

beforeEach(() => {
  dataDir = makeDataDir();
});
afterEach(async () => {
  for (const child of started.splice(0)) if (child.exitCode === null) child.kill("SIGKILL");
  const pid = roostPid();
  if (pid !== null && isRunning(pid)) process.kill(pid, "SIGKILL");
  await removeDataDir(dataDir);
});

function run(command: string, args: readonly string[]): { child: ChildProcess; told: () => string } {
  const env = {
    PATH: process.env.PATH,
    TMPDIR: tmpdir(),
    PORT: "0",
    DATA_DIR: dataDir,
    TERM: "dumb",
    NO_COLOR: "1",
  };
  // A process group of its own, as a shell gives to what it starts.
  const child = spawn(command, args, { env, cwd: dataDir, detached: true, stdio: "pipe" });
  started.push(child);
  let told = "";
  const listen = (chunk: Buffer) => {
    told += chunk.toString();
  };
  child.stdout.on("data", listen);
  child.stderr.on("data", listen);
  return { child, told: () => told };
}

const roostPid = () => {
  const file = join(dataDir, "roost.pid");
  return existsSync(file) ? Number(readFileSync(file, "utf8")) : null;
};

describe.skipIf(!hasTerminals || testCluster !== null)(
  "closing the terminal (skipped without `script`)",
  () => {
    test("stops the server in order, though nobody reads what it says", async () => {
      const command = `exec ${process.execPath} ${MAIN} start`;
      const { child, told } = run("script", ["-qefc", command, "/dev/null"]);
      await waitFor(() => told().includes("Ctrl-C stops it"), 60_000, "Roost says that it is ready");
      const pid = roostPid() ?? 0;
      expect(isRunning(pid)).toBe(true);
      // `script` holds the other end of the terminal.
      child.kill("SIGKILL");
      await waitFor(() => !isRunning(pid), 30_000, "Roost ends");
      expect(readFileSync(join(dataDir, "logs", "roost.log"), "utf8")).not.toMatch(/EIO|"level":[56]0/);
      expect(roostPid()).toBeNull();
      expect(processesOf(dataDir)).toEqual([]);
    });
  },
);
