/** For tests: the command as people run it, a process of its own. */
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
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

/** Whether this machine has the `script` that gives a command a terminal. */
export const hasTerminals = spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes(
  "util-linux",
);

/**
 * Runs a command on a terminal, and answers each question as soon as it is shown. Resolves to all that was shown,
 * without colours.
 */
export function onTerminal(
  line: string,
  answers: readonly (readonly [question: string, answer: string])[],
  settings: Settings,
  cwd: string,
): Promise<string> {
  const env = environment({ ...settings, TERM: "dumb", NO_COLOR: "1" });
  const child = spawn("script", ["-qefc", `stty cols 120 rows 40; ${COMMAND} ${line}`, "/dev/null"], {
    env,
    cwd,
  });
  const left = [...answers];
  let shown = "";
  let from = 0;
  child.stdout.on("data", (chunk: Buffer) => {
    shown += chunk.toString();
    const [question = "", answer = ""] = left[0] ?? [];
    const at = left.length > 0 ? shown.indexOf(question, from) : -1;
    if (at === -1) return;
    left.shift();
    from = at + question.length;
    child.stdin.write(`${answer}\r`);
  });
  return new Promise((resolve) => child.once("close", () => resolve(stripVTControlCharacters(shown))));
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
