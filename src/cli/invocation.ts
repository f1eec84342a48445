/** What every command asks about how it was called. */
import cluster from "node:cluster";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { Terminal, type TerminalOptions } from "./terminal.ts";

/** The folder that holds package.json, `web/dist` and `bench`. */
export const packageDir = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

export function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** Where to write and how, as the flags before or after the command say. */
export function terminalOf(command: Command): Terminal {
  const flags = command.optsWithGlobals<Partial<Pick<TerminalOptions, "color" | "quiet" | "verbose">>>();
  return new Terminal({
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    color: flags.color ?? "auto",
    // One of several processes: what people are told, they are told by the primary.
    quiet: flags.quiet === true || cluster.isWorker,
    verbose: flags.verbose === true,
  });
}

/** The examples that end a command's --help. */
export function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join("\n")}`;
}
