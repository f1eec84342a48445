/** A server on a terminal: what Ctrl-C, pressed once or twice, and closing the window leave behind. Nothing. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hasTerminals } from "../../src/cli/spawned.ts";
import { sleep } from "../../src/core/clock.ts";
import { testCluster } from "../support/cluster-tenant.ts";
import {
  isRunning,
  makeDataDir,
  postmasterPid,
  processesOf,
  removeDataDir,
  waitFor,
} from "../support/start-roost.ts";

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

describe.runIf(testCluster === null)("Ctrl-C", () => {
  const start = () => run(process.execPath, [MAIN, "start"]);
  /** What npm makes of one Ctrl-C: the terminal tells the group, and npm tells its child. */
  const throughNpm = async (child: ChildProcess) => {
    process.kill(-(child.pid ?? 0), "SIGINT");
    await sleep(5 + Math.random() * 100);
    child.kill("SIGINT");
  };
  const exitOf = (child: ChildProcess) =>
    new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)));

  test.each([
    ["as soon as there is anything to stop", () => roostPid() !== null],
    ["while PostgreSQL starts", () => postmasterPid(dataDir) !== null],
    ["when it is ready", (told: string) => told.includes("is ready at")],
  ])("through npm is one orderly stop: %s", async (_, isTime) => {
    const { child, told } = start();
    const exited = exitOf(child);
    await waitFor(() => isTime(told()), 60_000, "it's time for Ctrl-C");
    await throughNpm(child);
    expect(await exited, told()).toBe(0);
    expect(told()).toMatch(/Stopping \(SIGINT\)[\s\S]*Stopped\./);
    // initdb, which was interrupted too, may have left a child that is about to end.
    await waitFor(() => processesOf(dataDir).length === 0, 2_000, "nothing runs");
  });

  test("pressed again later ends it at once, and PostgreSQL soon after", async () => {
    const { child, told } = start();
    const exited = exitOf(child);
    await waitFor(() => told().includes("is ready at"), 60_000, "Roost says that it is ready");
    const { hostname, port } = new URL(told().match(/is ready at (\S+)/)?.[1] ?? "");
    // Half a request, which an orderly stop waits for.
    const socket = connect(Number(port), hostname).on("error", () => undefined);
    socket.write(
      "POST /api/v1/apps HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
    );
    await fetch(`http://${hostname}:${port}/livez`, { headers: { connection: "close" } });
    await throughNpm(child);
    await sleep(1_000);
    expect(isRunning(child.pid ?? 0), told()).toBe(true);
    expect(postmasterPid(dataDir)).not.toBeNull();
    const startedMs = performance.now();
    await throughNpm(child);
    expect(await exited, told()).toBe(130);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    await waitFor(() => processesOf(dataDir).length === 0, 10_000, "PostgreSQL ends");
    socket.destroy();
  });
});
