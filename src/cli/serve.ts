/** Runs a server until it is told to stop: what `roost start` and `roost demo` share. */
import type { Roost } from "../composition.ts";
import { type Config, isReachedByOthers, type LoadedConfig } from "../config.ts";
import { type Role, takesRequests } from "../core/roles.ts";
import { tellAddress } from "./admin.ts";
import { requireFolder } from "./data-folder.ts";
import { CommandError, exitCodes } from "./exit-codes.ts";
import { report } from "./failure.ts";
import { version } from "./invocation.ts";
import type { ServerLog } from "./log.ts";
import { explainPort, tryPort } from "./port-owner.ts";
import { joinPrimary, onStopOfOne, processNumber, runProcesses } from "./processes.ts";
import { onStopSignal, STOP_SIGNALS } from "./stop-signals.ts";
import type { Terminal } from "./terminal.ts";

/** Requests get 10 s to finish, the engines the rest. */
const CLOSE_MS_MAX = 20_000;

export interface ServeOptions {
  readonly loaded: LoadedConfig;
  readonly terminal: Terminal;
  readonly roles: readonly Role[];
  /** How many processes do so; 1 unless given. */
  readonly processes?: number;
  /** Whether the demo is meant. Otherwise it is a mistake to find one in the database. */
  readonly isDemo?: boolean;
}

/** What there is to tell people. */
export interface Ready {
  readonly config: Config;
  /** Whether there is a port. */
  readonly listens: boolean;
  /** Where the log goes, in words. */
  readonly logPlace: string;
}

export interface Serving extends Ready {
  readonly roost: Roost;
  readonly log: ServerLog;
  /** Aborts when the server is told to stop. */
  readonly stopping: AbortSignal;
}

/** As `serve`, in as many processes as wanted; `ready` is called once for all of them. */
export async function serveInProcesses(options: ServeOptions, ready: (told: Ready) => void): Promise<void> {
  const { loaded, terminal, roles, processes = 1 } = options;
  if (processNumber !== null) {
    // Its connection to the primary would keep it alive after a failure.
    return serve(options, ({ roost, logPlace }) => joinPrimary(roost.api.metrics, logPlace)).catch(
      (error: unknown) => process.exit(report(error, terminal)),
    );
  }
  if (processes === 1) return serve(options, ready);
  requireShared(loaded.config, `Each of --processes ${processes}`);
  const { config, listens } = await settle(loaded, roles, terminal);
  const stopMsMax = config.drainMs + CLOSE_MS_MAX + 2_000;
  const onReady = (logPlace: string) => ready({ config, listens, logPlace });
  await runProcesses({ count: processes, config, terminal, stopMsMax, onReady });
}

/** Resolves once `ready` has; the server goes on until a signal ends the process. */
export async function serve(
  { loaded, terminal, roles, isDemo = false }: ServeOptions,
  ready: (serving: Serving) => Promise<void> | void,
): Promise<void> {
  const underway: Underway = { log: null, opening: null };
  const stop = new AbortController();
  // Before anything is opened: what a signal finds half-way is closed too.
  const closing = await closeOnSignal({ underway, stop, terminal, drainMs: loaded.config.drainMs });
  try {
    const { config, listens } = await settle(loaded, roles, terminal);
    const { openServerLog } = await import("./log.ts");
    const log = openServerLog(config, terminal);
    underway.log = log;
    if (terminal.watched) terminal.note(terminal.paint("dim", `Starting, with data in ${config.dataDir} …`));
    const { openRoost } = await import("../composition.ts");
    if (stop.signal.aborted) return await forever();
    underway.opening = openRoost(config, { log: log.log, roles });
    const roost = await underway.opening;
    if (stop.signal.aborted) return await forever();
    roost.failed.catch((error: unknown) => closing.because(error));
    if (!isDemo && listens) await mindDemo(roost, terminal);
    if (listens) await roost.listen();
    tellAddress(config);
    await ready({ roost, config, listens, log, logPlace: log.place, stopping: stop.signal });
  } catch (error) {
    // Told to stop while opening: what fails then fails because of it.
    if (stop.signal.aborted) return await forever();
    const opened = await underway.opening?.catch(() => null);
    await opened?.[Symbol.asyncDispose]();
    closing.uninstall();
    const code = error instanceof Error && "code" in error ? error.code : null;
    if (code === "EADDRINUSE") {
      const { host, port } = opened?.config ?? loaded.config;
      throw await explainPort(error as NodeJS.ErrnoException, host, port);
    }
    throw error;
  }
}

/** A server of one's own is not begun on the demo by mistake, and never shown to others with its known password. */
async function mindDemo({ config, database }: Roost, terminal: Terminal): Promise<void> {
  const { holdsDemo } = await import("../demo/presence.ts");
  if (!(await holdsDemo(database.db))) return;
  const holds = `${config.database.kind === "embedded" ? config.dataDir : "DATABASE_URL"} holds the demo`;
  if (isReachedByOthers(config)) {
    throw new CommandError(
      exitCodes.notAllowed,
      `${holds}, whose password everybody knows, and others can reach this server.`,
      {
        hint: "Choose another DATA_DIR for a server of your own. `roost demo` runs the demo, with a password of its own.",
      },
    );
  }
  terminal.note(
    `${terminal.paint("yellow", "warning:")} ${holds}. For a server of your own choose another DATA_DIR.`,
  );
}

/** What is left open by the settings. Workers have a port only where somebody wants to ask them how they are. */
async function settle(loaded: LoadedConfig, roles: readonly Role[], terminal: Terminal) {
  // One of several processes leaves it to the primary.
  for (const line of processNumber === null ? loaded.misspelt : [])
    terminal.note(`${terminal.paint("yellow", "warning:")} ${line}.`);
  requireFolder(loaded.config.dataDir);
  const listens = takesRequests(new Set(roles)) || loaded.sources.PORT !== "default";
  // One of several processes shares the port that the primary has found.
  const config = listens && processNumber === null ? await withPort(loaded) : loaded.config;
  return { config, listens };
}

/** The configuration with a port that can be had: the one that is set, or any free one for 0. */
async function withPort({ config, sources }: LoadedConfig): Promise<Config> {
  const { host } = config;
  const { problem, port } = await tryPort(host, config.port);
  if (problem) throw await explainPort(problem, host, port);
  if (config.port !== 0) return config;
  const publicUrl = sources.PUBLIC_URL === "default" ? `http://localhost:${port}` : config.publicUrl;
  return { ...config, port, publicUrl };
}

/** For those whom the closing of the server, which ends the process, will overtake. */
function forever(): Promise<never> {
  return new Promise(() => {});
}

interface Closing {
  readonly uninstall: () => void;
  /** Ends the server because something it needs has failed. */
  readonly because: (error: unknown) => void;
}

/** What there is to close, as soon as there is. */
interface Underway {
  log: ServerLog | null;
  opening: Promise<Roost> | null;
}

async function closeOnSignal(options: {
  underway: Underway;
  stop: AbortController;
  terminal: Terminal;
  drainMs: number;
}): Promise<Closing> {
  const { underway, stop, terminal, drainMs } = options;
  const { default: withGrace } = await import("close-with-grace");
  let failure: unknown = null;
  let told: NodeJS.Signals | null = null;
  const grace = withGrace(
    {
      delay: CLOSE_MS_MAX + drainMs,
      skip: ["beforeExit", ...STOP_SIGNALS],
      logger: false,
      onSecondSignal: () => process.exit(exitCodes.interrupted),
      onSecondError: (error) => underway.log?.log.error({ err: error }, "failed while stopping"),
      onTimeout: (delay) =>
        terminal.error(`Not everything stopped within ${delay / 1_000} s; ending anyway.`),
    },
    async ({ err, signal = told }) => {
      stop.abort();
      const cause = err ?? failure;
      if (cause) underway.log?.log.fatal({ err: cause }, "the server ends");
      else terminal.note(`\nStopping (${signal ?? "asked to"}); once more to stop at once.`);
      const exitCode = cause ? report(cause, terminal) : exitCodes.ok;
      const roost = await underway.opening?.catch(() => null);
      if (!cause) await roost?.drain();
      await roost?.[Symbol.asyncDispose]();
      if (exitCode !== exitCodes.ok) process.exit(exitCode);
      terminal.note("Stopped.");
    },
  );
  const close = (signal: NodeJS.Signals) => {
    told = signal;
    // Closing because of a failure: what that has to say is its exit code.
    if (!stop.signal.aborted) grace.close();
  };
  const uninstall =
    processNumber === null
      ? onStopSignal({ stop: close, stopAtOnce: () => process.exit(exitCodes.interrupted) })
      : onStopOfOne(close);
  return {
    uninstall: () => {
      uninstall();
      grace.uninstall();
    },
    because: (error) => {
      if (stop.signal.aborted) return;
      failure = error;
      grace.close();
    },
  };
}

/** What settings leave open that a person may not have meant to. */
function exposures({ signUps, publicUrl, host }: Config): string[] {
  const isOpen = isReachedByOthers({ host, publicUrl });
  const isUrlLocal = !isReachedByOthers({ host: "localhost", publicUrl });
  return [
    ...(isOpen && signUps === "open"
      ? ["Anybody who reaches this server can sign up (SIGN_UPS=closed ends that)"]
      : []),
    ...(isOpen && isUrlLocal
      ? [`Links and sign-in go to ${publicUrl}: set PUBLIC_URL to the address that others use`]
      : []),
  ];
}

/** What a person wants to know first. */
export function introduce({ config, logPlace }: Ready, terminal: Terminal): void {
  const { publicUrl: url, dataDir, database, host, port } = config;
  const name = `Roost ${version()}`;
  for (const line of exposures(config)) terminal.note(`${terminal.paint("yellow", "note:")} ${line}.`);
  if (!terminal.watched) {
    terminal.note(`${name} is ready at ${url} (data in ${dataDir})`);
    return;
  }
  const rows = [
    ["Web", terminal.paint("cyan", url)],
    ["API docs", terminal.paint("cyan", `${url}/api/docs`)],
    ...(host === "localhost" ? [] : [["Listens", `${host}, port ${port}`]]),
    ["Data", `${dataDir}${database.kind === "embedded" ? "" : ", and the database of DATABASE_URL"}`],
    ["Logs", logPlace === "stdout" ? "stdout, as JSON" : logPlace],
  ];
  terminal.note(`\n  ${terminal.paint(["bold", "green"], name)} is ready.\n`);
  for (const [label = "", value] of rows) {
    terminal.note(`  ${terminal.paint("dim", label.padEnd(9))} ${value}`);
  }
  terminal.note();
}

/** What is in the memory of one process, or in a database it runs itself, no other process shares. */
export function requireShared(
  { database, redis, kafka }: Config,
  what: string,
  { needsKafka = false }: { needsKafka?: boolean } = {},
): void {
  const missing = [
    ...(database.kind === "embedded" ? ["DATABASE_URL"] : []),
    ...(redis === null ? ["REDIS_URL"] : []),
    ...(kafka === null && needsKafka ? ["KAFKA_BROKERS"] : []),
  ];
  if (missing.length === 0) return;
  throw new CommandError(
    exitCodes.config,
    `${what} shares its data with other processes, so it needs ${missing.join(" and ")}.`,
    { hint: "Set what is missing, or run everything in one process with `roost start`." },
  );
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
