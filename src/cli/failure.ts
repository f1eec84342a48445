/** An error as a person at a terminal wants it: a sentence, the way out, an exit code. A stack only for bugs. */
import { CommanderError } from "commander";
import { ConfigError } from "../config.ts";
import {
  AppError,
  Conflict,
  Forbidden,
  Invalid,
  RateLimited,
  Unauthenticated,
  Unavailable,
  UnusableSetup,
} from "../core/errors.ts";
import { CommandError, type ExitCode, exitCodes } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";

export interface Failure {
  readonly exitCode: ExitCode;
  readonly lines: readonly string[];
  /** For bugs: nobody meant this to happen. */
  readonly isBug: boolean;
}

export function explain(error: unknown): Failure {
  if (error instanceof CommandError) {
    return expected(error.exitCode, error.message, ...(error.hint ? [error.hint] : []));
  }
  if (error instanceof ConfigError) {
    return expected(
      exitCodes.config,
      ...error.mistakes,
      "`roost config --help` tells where settings come from.",
    );
  }
  if (error instanceof UnusableSetup)
    return expected(error.isAway ? exitCodes.unavailable : exitCodes.config, sentence(error.message));
  // Commander has already said what is wrong; help and --version are no failures.
  if (error instanceof CommanderError) return expected(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage);
  if (error instanceof AppError) return expected(codeOf(error), sentence(error.message), ...hintFor(error));
  return explainSystem(error) ?? bug(error);
}

function expected(exitCode: ExitCode, ...lines: string[]): Failure {
  return { exitCode, lines, isBug: false };
}

function bug(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  return { exitCode: exitCodes.bug, lines: [`This is a bug in Roost: ${sentence(message)}`], isBug: true };
}

function codeOf(error: AppError): ExitCode {
  if (error instanceof Unavailable) return exitCodes.unavailable;
  if (error instanceof RateLimited) return exitCodes.tryLater;
  if (error instanceof Forbidden || error instanceof Unauthenticated) return exitCodes.notAllowed;
  return error instanceof Invalid || error instanceof Conflict ? exitCodes.badData : exitCodes.failed;
}

function hintFor(error: AppError): string[] {
  if (!(error instanceof Unavailable)) return [];
  const cause = error.cause instanceof Error ? [`Because: ${sentence(error.cause.message)}`] : [];
  return [...cause, "`roost doctor` finds what is missing."];
}

const SYSTEM: Readonly<Record<string, readonly [ExitCode, string]>> = {
  EACCES: [exitCodes.notAllowed, "Permission denied"],
  EPERM: [exitCodes.notAllowed, "Not permitted"],
  EROFS: [exitCodes.notAllowed, "Read-only file system"],
  ENOSPC: [exitCodes.unavailable, "The disk is full"],
  EMFILE: [exitCodes.unavailable, "Too many open files; raise the limit with `ulimit -n 65536`"],
  ECONNREFUSED: [exitCodes.unavailable, "Connection refused"],
  ECONNRESET: [exitCodes.unavailable, "Connection lost"],
  ENOTFOUND: [exitCodes.unavailable, "Unknown host"],
  EAI_AGAIN: [exitCodes.unavailable, "The name of the host can't be resolved now"],
  ETIMEDOUT: [exitCodes.unavailable, "No answer in time"],
};

/** What the operating system or PostgreSQL refuses is no bug of ours. */
function explainSystem(error: unknown): Failure | null {
  const first = error instanceof AggregateError ? error.errors[0] : error;
  if (!(first instanceof Error) || !("code" in first) || typeof first.code !== "string") return null;
  const hint = "`roost doctor` finds what is missing.";
  const known = SYSTEM[first.code];
  if (known) {
    const where = placeOf(first);
    return expected(known[0], `${known[1]}${where === "" ? "" : `: ${where}`}.`, hint);
  }
  // PostgreSQL's classes: 08 connection, 28 who you are, 3D no such database, 53 resources, 57 shutting down.
  if (!("severity" in first) || !/^(08|28|3D|53|57)/.test(first.code)) return null;
  if (first.code.startsWith("57P"))
    return expected(exitCodes.tryLater, `The database is stopping or starting: ${sentence(first.message)}`);
  const exitCode = first.code.startsWith("28") ? exitCodes.notAllowed : exitCodes.unavailable;
  return expected(exitCode, `The database refuses: ${sentence(first.message)}`, hint);
}

function placeOf(error: Error): string {
  if ("path" in error && typeof error.path === "string") return error.path;
  if ("address" in error) return `${error.address}${"port" in error ? `:${error.port}` : ""}`;
  return "hostname" in error ? String(error.hostname) : "";
}

export function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** Tells the error and resolves to the exit code. A stack is shown for bugs, and with --verbose. */
export function report(error: unknown, terminal: Terminal): ExitCode {
  const { exitCode, lines, isBug } = explain(error);
  const [first, ...more] = lines;
  if (first) terminal.error(`${terminal.paint(["red", "bold"], "error:")} ${first}`);
  for (const line of more) terminal.error(`       ${line}`);
  if (exitCode !== exitCodes.ok && error instanceof Error && (isBug || terminal.verbose)) {
    terminal.error(error.stack ?? String(error));
    if (error.cause)
      terminal.error(`Caused by: ${error.cause instanceof Error ? error.cause.stack : error.cause}`);
  }
  return exitCode;
}
