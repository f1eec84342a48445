/**
 * Several processes at one port, for machines with several cores. A primary accepts connections and deals them out in
 * turn; each of the others is a whole Roost in its roles. One that ends is replaced, and takes with it only what was
 * under way in it. When the primary ends, however it ends, they end too.
 */
import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import type { Config } from "../config.ts";
import { sleep } from "../core/clock.ts";
import type { Metrics } from "../core/telemetry/metrics.ts";
import { exitCodes } from "./exit-codes.ts";
import { onStopSignal, STOP_SIGNALS } from "./stop-signals.ts";
import type { Terminal } from "./terminal.ts";

export interface ProcessesOptions {
  readonly count: number;
  /** With the port that all listen at. */
  readonly config: Config;
  readonly terminal: Terminal;
  /** From being told to stop until what still runs is killed. */
  readonly stopMsMax: number;
  /** Called once all of them take requests. */
  readonly onReady: (logPlace: string) => void;
}

/** What a process and its primary tell each other. */
type Message =
  | { readonly roost: "ready"; readonly logPlace: string }
  | { readonly roost: "metrics wanted" }
  | { readonly roost: "metrics"; readonly text: string };

const RESTART_MS_MIN = 100;
const RESTART_MS_MAX = 10_000;
/** A process that ran for this long had nothing wrong with its start. */
const STEADY_MS = 30_000;

/** Which of several processes this is, from 1; null for one by itself. */
export const processNumber = cluster.isWorker ? Number(process.env.ROOST_PROCESS) : null;

/** Runs until told to stop. Sets the exit code. */
export async function runProcesses(options: ProcessesOptions): Promise<void> {
  const { count, terminal } = options;
  const stopping = new AbortController();
  const running = new Set<Worker>();
  const { AggregatorRegistry } = await import("@prometheus-io/client");
  const metrics = new AggregatorRegistry();
  // What is given later counts: a port of 0 has become one that all of them share.
  cluster.setupPrimary({ args: [...process.argv.slice(2), "--port", `${options.config.port}`] });

  const start = (number: number): Worker => {
    const worker = cluster.fork({ ROOST_PROCESS: `${number}` });
    running.add(worker);
    worker.once("exit", () => running.delete(worker));
    worker.on("message", async (message: Message) => {
      if (message.roost !== "metrics wanted") return;
      const text = await metrics.clusterMetrics().catch(() => "");
      if (worker.isConnected()) worker.send({ roost: "metrics", text } satisfies Message);
    });
    return worker;
  };
  const keep = async (number: number, first: Worker): Promise<void> => {
    let worker = first;
    let waitMs = RESTART_MS_MIN;
    for (;;) {
      const startedMs = performance.now();
      const how = await endOf(worker);
      if (stopping.signal.aborted) return;
      if (performance.now() - startedMs > STEADY_MS) waitMs = RESTART_MS_MIN;
      terminal.error(`Process ${number} has ended (${how}); it's started again in ${waitMs / 1_000} s.`);
      await sleep(waitMs, stopping.signal);
      if (stopping.signal.aborted) return;
      waitMs = Math.min(waitMs * 2, RESTART_MS_MAX);
      worker = start(number);
    }
  };

  const stopped = new Promise<void>((resolve) => {
    onStopSignal({
      stop: (signal) => {
        terminal.note(`\nStopping (${signal}); once more to stop at once.`);
        stopping.abort();
        resolve();
      },
      stopAtOnce: () => {
        for (const worker of running) worker.process.kill("SIGKILL");
        process.exit(exitCodes.interrupted);
      },
    });
  });

  // The first alone: it migrates, and what is wrong with the settings is told once.
  const first = start(1);
  const logPlace = await Promise.race([readiness(first), stopped.then(() => null)]);
  if (logPlace === null && !stopping.signal.aborted) {
    process.exitCode = first.process.exitCode ?? exitCodes.failed;
    return process.exit();
  }
  if (logPlace !== null) {
    const others = Array.from({ length: count - 1 }, (_, i) => i + 2);
    const started = others.map((number) => {
      const worker = start(number);
      void keep(number, worker);
      return readiness(worker);
    });
    void keep(1, first);
    await Promise.race([Promise.all(started), stopped]);
    if (!stopping.signal.aborted) options.onReady(logPlace);
    await stopped;
  }
  const codes = [...running].map(async (worker) => {
    worker.process.kill("SIGTERM");
    if (!worker.isDead()) await once(worker, "exit");
    // One that was still starting does nothing about the signal: there is nothing to end in order.
    const { exitCode, signalCode } = worker.process;
    const wasTold = STOP_SIGNALS.some((signal) => signal === signalCode);
    return wasTold ? exitCodes.ok : (exitCode ?? exitCodes.failed);
  });
  const late = new AbortController();
  void sleep(options.stopMsMax, late.signal).then(() => {
    if (late.signal.aborted) return;
    terminal.error(`Not everything stopped within ${options.stopMsMax / 1_000} s; ending anyway.`);
    for (const worker of running) worker.process.kill("SIGKILL");
  });
  const failed = (await Promise.all(codes)).find((code) => code !== exitCodes.ok);
  late.abort();
  terminal.note("Stopped.");
  process.exit(failed ?? exitCodes.ok);
}

async function endOf(worker: Worker): Promise<string> {
  if (!worker.isDead()) await once(worker, "exit");
  const { exitCode, signalCode } = worker.process;
  return signalCode ?? `exit code ${exitCode}`;
}

/** Resolves to where its log is; null when it ends instead. */
function readiness(worker: Worker): Promise<string | null> {
  return new Promise((resolve) => {
    worker.on("message", (message: Message) => {
      if (message.roost === "ready") resolve(message.logPlace);
    });
    worker.once("exit", () => resolve(null));
  });
}

/**
 * For one of several processes: it tells the primary that it is ready, and its metrics are those of all of them, since
 * whoever asks can't choose which process answers.
 */
export async function joinPrimary(metrics: Metrics, logPlace: string): Promise<void> {
  const { AggregatorRegistry } = await import("@prometheus-io/client");
  AggregatorRegistry.setRegistries(metrics.registry);
  // Answers the primary from now on.
  void new AggregatorRegistry();
  const own = () => metrics.registry.metrics();
  const waiting = new Set<(text: string) => void>();
  process.on("message", (message: Message) => {
    if (message.roost !== "metrics") return;
    for (const resolve of waiting) resolve(message.text);
    waiting.clear();
  });
  metrics.tell = async () => {
    const text = await new Promise<string>((resolve) => {
      waiting.add(resolve);
      process.send?.({ roost: "metrics wanted" } satisfies Message);
    });
    return text === "" ? own() : text;
  };
  process.send?.({ roost: "ready", logPlace } satisfies Message);
}

/**
 * Calls `stop` when this process, one of several, is told to. Ctrl-C reaches all of them, and a supervisor may tell
 * each of them too: only the first word counts, and only the primary hears the second one. Listens until the returned
 * function is called.
 */
export function onStopOfOne(stop: (signal: NodeJS.Signals) => void): () => void {
  const ignore = () => {};
  process.once("SIGTERM", stop);
  for (const signal of STOP_SIGNALS) process.on(signal, ignore);
  return () => {
    process.off("SIGTERM", stop);
    for (const signal of STOP_SIGNALS) process.off(signal, ignore);
  };
}
