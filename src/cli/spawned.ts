/** For tests: the command as people run it, a process of its own. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { packageDir } from "./invocation.ts";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

type Settings = Readonly<Record<string, string>>;

const COMMAND = join(packageDir, "bin", "roost");

/** An empty folder for the tests of a file; PostgreSQL, which never runs as root, can reach it. */
export function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "roost-cli-"));
  chmodSync(folder, 0o755);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs a command to its end, in `cwd`, with these settings and no others. */
export function roost(
  args: readonly string[],
  settings: Settings,
  cwd: string,
  input = "",
): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(
      COMMAND,
      [...args],
      { env: environment(settings), cwd },
      (error, stdout, stderr) => {
        resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
      },
    );
    child.stdin?.end(input);
  });
}

export interface Running {
  readonly process: ChildProcess;
  readonly url: string;
  /** Resolves to the exit code. */
  readonly ended: Promise<number | null>;
}

/** Runs a server; resolves when it says where it is. */
export function startServer(settings: Settings, cwd: string): Promise<Running> {
  const child = spawn(COMMAND, ["start"], { env: environment(settings), cwd });
  child.stdout.resume();
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return new Promise((resolve, reject) => {
    let told = "";
    child.stderr.on("data", (chunk: Buffer) => {
      told += chunk.toString();
      const url = told.match(/is ready at (\S+)/)?.[1];
      if (url) resolve({ process: child, url, ended });
    });
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}: ${told}`)));
  });
}

function environment(settings: Settings): NodeJS.ProcessEnv {
  return { PATH: "/usr/bin:/bin", ...settings };
}
