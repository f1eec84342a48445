/** Runs a server until it is told to stop: what `roost start` and `roost demo` share. */
import type closeWithGrace from "close-with-grace";
import type { Roost } from "../composition.ts";
import type { Config } from "../config.ts";
import { CommandError, exitCodes } from "./exit-codes.ts";
import { version } from "./invocation.ts";
import { openServerLog, type ServerLog } from "./log.ts";
import { explainPort, portProblem } from "./port-owner.ts";
import type { Terminal } from "./terminal.ts";

/** Requests get 10 s to finish, the engines the rest. */
const CLOSE_MS_MAX = 20_000;

export interface Serving {
  readonly roost: Roost;
  readonly url: string;
  readonly log: ServerLog;
  /** Aborts when the server is told to stop. */
  readonly stopping: AbortSignal;
}

/** Resolves once `ready` has; the server goes on until a signal ends the process. */
export async function serve(
  { config, terminal }: { config: Config; terminal: Terminal },
  ready: (serving: Serving) => Promise<void> | void,
): Promise<void> {
  const { host, port } = config;
  const problem = port === 0 ? null : await portProblem(host, port);
  if (problem) throw await explainPort(problem, host, port);
  const stop = new AbortController();
  const log = openServerLog(config, terminal);
  const { openRoost } = await import("../composition.ts");
  const opening = openRoost(config, { log: log.log, onProgress: (line) => terminal.note(line) });
  const grace = await closeOnSignal({ opening, stop, log, terminal });
  try {
    const roost = await opening;
    if (stop.signal.aborted) return await forever();
    const url = await roost.listen();
    await ready({ roost, url, log, stopping: stop.signal });
  } catch (error) {
    // Told to stop while opening: what fails then fails because of it.
    if (stop.signal.aborted) return await forever();
    grace.uninstall();
    const opened = await opening.catch(() => null);
    await opened?.[Symbol.asyncDispose]();
    const code = error instanceof Error && "code" in error ? error.code : null;
    if (code === "EADDRINUSE") throw await explainPort(error as NodeJS.ErrnoException, host, port);
    throw error;
  }
}

/** For those whom the closing of the server, which ends the process, will overtake. */
function forever(): Promise<never> {
  return new Promise(() => {});
}

async function closeOnSignal(options: {
  opening: Promise<Roost>;
  stop: AbortController;
  log: ServerLog;
  terminal: Terminal;
}): Promise<ReturnType<typeof closeWithGrace>> {
  const { opening, stop, log, terminal } = options;
  const { default: withGrace } = await import("close-with-grace");
  return withGrace(
    {
      delay: CLOSE_MS_MAX,
      skip: ["beforeExit"],
      logger: false,
      onSecondSignal: () => process.exit(exitCodes.interrupted),
      onSecondError: (error) => log.log.error({ err: error }, "failed while stopping"),
      onTimeout: (delay) =>
        terminal.error(`Not everything stopped within ${delay / 1_000} s; ending anyway.`),
    },
    async ({ err, signal }) => {
      stop.abort();
      if (err) {
        log.log.fatal({ err }, "unexpected error");
        terminal.error(`This is a bug in Roost: ${err.message}\n${err.stack}`);
      } else {
        terminal.note(`\nStopping (${signal ?? "asked to"}); once more to stop at once.`);
      }
      const roost = await opening.catch(() => null);
      await roost?.[Symbol.asyncDispose]();
      if (err) process.exit(exitCodes.bug);
      terminal.note("Stopped.");
    },
  );
}

/** What a person wants to know first. */
export function introduce({ url, log }: Serving, config: Config, terminal: Terminal): void {
  const name = `Roost ${version()}`;
  if (!terminal.watched) {
    terminal.note(`${name} is ready at ${url} (data in ${config.dataDir})`);
    return;
  }
  const database = config.database.kind === "embedded" ? "" : ", PostgreSQL of DATABASE_URL";
  const rows = [
    ["Web", terminal.paint("cyan", url)],
    ["API docs", terminal.paint("cyan", `${url}/api/docs`)],
    ["Data", `${config.dataDir}${database}`],
    ["Logs", log.place === "stdout" ? "stdout, as JSON" : log.place],
  ];
  terminal.note(`\n  ${terminal.paint(["bold", "green"], name)} is ready.\n`);
  for (const [label = "", value] of rows) {
    terminal.note(`  ${terminal.paint("dim", label.padEnd(9))} ${value}`);
  }
  terminal.note();
}

/** Refuses what can't work before anything is opened. */
export function requireEmbedded(config: Config, command: string): void {
  if (config.database.kind === "embedded") return;
  throw new CommandError(
    exitCodes.notAllowed,
    `${command} fills a database, and DATABASE_URL names one of yours.`,
    {
      hint: "Unset DATABASE_URL, or add --force if that database is meant.",
    },
  );
}
