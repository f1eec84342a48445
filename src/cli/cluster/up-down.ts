/** Starting and stopping a cluster, with checks before and progress on the way. */
import { statfs } from "node:fs/promises";
import { Listr, ListrLogger, ProcessOutput } from "listr2";
import type { Cluster, Group } from "../../cluster/cluster.ts";
import { sleep } from "../../core/clock.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { ownerOf, tryPort } from "../port-owner.ts";
import { onStopSignal } from "../stop-signals.ts";
import type { Terminal } from "../terminal.ts";
import { forget, type OpenedCluster } from "./place.ts";

/** Until a signal that has come is heard. */
const SIGNAL_MS_MAX = 50;
const DISK_BYTES_MIN = 2 * 1024 ** 3;

export interface UpOptions {
  readonly demo?: boolean;
  readonly json?: boolean;
}

/** Aborts when the command is interrupted, just before it ends. */
interface Interruptible {
  readonly signal: AbortSignal;
}

/** Brings these groups up, and what they need. */
export async function up(
  opened: OpenedCluster,
  wanted: readonly Group[],
  terminal: Terminal,
  options: UpOptions & Interruptible,
): Promise<void> {
  const { cluster } = opened;
  const groups = cluster.inOrder(wanted);
  checkEngines(groups);
  await checkDisk(cluster);
  await checkPorts(cluster, groups, opened.basePort);
  await inSteps(
    terminal,
    groups.map((group) => ({
      name: group.name,
      title: group.title,
      after: group.needs,
      run: () => cluster.up(group),
    })),
    { failed: "could not be started", hint: "`roost cluster up` tries again and keeps what runs." },
    options.signal,
  );
  if (options.demo) await (await import("./demo.ts")).loadIntoCluster(opened, terminal);
}

export async function down(
  cluster: Cluster,
  terminal: Terminal,
  options: { purge?: boolean } & Interruptible,
): Promise<void> {
  const { groups } = cluster;
  await inSteps(
    terminal,
    cluster
      .inOrder()
      .toReversed()
      .map((group) => ({
        name: group.name,
        title: group.title,
        after: groups.filter(({ needs }) => needs.includes(group.name)).map(({ name }) => name),
        run: () => cluster.down(group),
      })),
    { failed: "could not be stopped", hint: "`roost cluster down` tries again." },
    options.signal,
  );
  if (options.purge) forget(cluster);
  terminal.note(options.purge ? "Nothing is left." : `Stopped; what is stored stays in ${cluster.folder}.`);
}

/** Interrupted, the command ends at once. The parts are processes of their own and go on: `says` what to do then. */
export async function interruptible(
  { cluster }: Pick<OpenedCluster, "cluster">,
  terminal: Terminal,
  says: string,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const interrupted = new AbortController();
  const end = () => {
    interrupted.abort();
    const running = cluster.parts.filter((part) => cluster.processOf(part) !== null).length;
    terminal.error(`\n${running === 1 ? "1 part runs" : `${running} parts run`}: ${says}`);
    process.exit(exitCodes.interrupted);
  };
  const ignore = onStopSignal({ stop: end, stopAtOnce: end });
  await work(interrupted.signal).finally(ignore);
}

interface Step {
  readonly name: string;
  readonly title: string;
  /** Names of steps that must have succeeded. */
  readonly after: readonly string[];
  readonly run: () => Promise<void>;
}

/** All at once, as far as they don't wait for each other. Drawn on a terminal, told in plain lines elsewhere. */
async function inSteps(
  terminal: Terminal,
  steps: readonly Step[],
  says: { failed: string; hint: string },
  signal: AbortSignal,
): Promise<void> {
  const failures: { step: Step; error: unknown }[] = [];
  const ended = new Map(steps.map(({ name }) => [name, Promise.withResolvers<boolean>()]));
  const startedMs = performance.now();
  const isDrawn = terminal.watched && !terminal.quiet;
  // What is drawn goes where notes go: stdout is for data. While it is, what others write there is kept back.
  const drawing = new ProcessOutput(process.stderr, process.stderr);
  if (isDrawn) signal.addEventListener("abort", () => drawing.release());
  const list = new Listr(
    steps.map((step) => ({
      title: step.title,
      task: async (_, task) => {
        const before = await Promise.all(step.after.map((name) => ended.get(name)?.promise ?? true));
        if (before.includes(false)) {
          ended.get(step.name)?.resolve(false);
          return task.skip(`${step.title}: left out, since what it needs failed`);
        }
        const beganMs = performance.now();
        try {
          await step.run();
          task.title = `${step.title}: ${secondsSince(beganMs)}`;
          if (!isDrawn) terminal.note(task.title);
          ended.get(step.name)?.resolve(true);
        } catch (error) {
          failures.push({ step, error });
          ended.get(step.name)?.resolve(false);
          throw new Error("failed");
        }
      },
    })),
    {
      concurrent: true,
      exitOnError: false,
      // It would end the process with 127 and not a word.
      registerSignalListeners: false,
      ...(isDrawn
        ? {
            renderer: "default",
            rendererOptions: { logger: new ListrLogger({ processOutput: drawing }) },
          }
        : { renderer: "silent" }),
    },
  );
  await list.run();
  if (failures.length === 0) return terminal.note(`All in ${secondsSince(startedMs)}.`);
  // Ctrl-C may have met a part just forked, which wasn't apart from us yet: then that is what there is to tell.
  await sleep(SIGNAL_MS_MAX);
  for (const { step, error } of failures)
    terminal.error(`\n${step.title} ${says.failed}: ${error instanceof Error ? error.message : error}`);
  terminal.error("");
  throw new CommandError(
    exitCodes.unavailable,
    `${failures.map(({ step }) => step.title).join(", ")} ${says.failed}.`,
    { hint: says.hint, cause: failures[0]?.error },
  );
}

function secondsSince(beganMs: number): string {
  return `${((performance.now() - beganMs) / 1000).toFixed(1)} s`;
}

function checkEngines(groups: readonly Group[]): void {
  const missing = groups.map((group) => group.missing?.() ?? null).filter((why) => why !== null);
  if (missing.length === 0) return;
  throw new CommandError(exitCodes.unavailable, `${missing.join("; ")}.`, {
    hint: "`scripts/install-engines` installs what the cluster needs.",
  });
}

async function checkDisk(cluster: Cluster): Promise<void> {
  const { bavail, bsize } = await statfs(cluster.folder);
  if (bavail * bsize >= DISK_BYTES_MIN) return;
  const free = Math.floor((bavail * bsize) / 1024 ** 2);
  throw new CommandError(
    exitCodes.unavailable,
    `The disk of ${cluster.folder} has ${free} MB left; the cluster needs ${DISK_BYTES_MIN / 1024 ** 2}.`,
    { hint: "Make room, or choose another DATA_DIR." },
  );
}

/** The ports of parts that don't run yet must be free. */
async function checkPorts(cluster: Cluster, groups: readonly Group[], basePort: number): Promise<void> {
  const wanted = groups.flatMap(({ parts }) => parts).filter((part) => cluster.processOf(part) === null);
  const taken: string[] = [];
  for (const part of wanted) {
    for (const port of part.ports) {
      const { problem } = await tryPort("127.0.0.1", port);
      if (!problem) continue;
      const owner = await ownerOf(port);
      // What it has started has outlived it, and is taken over: a PostgreSQL whose Patroni was killed.
      if (owner && cluster.childrenOf(part).includes(owner.pid)) continue;
      const by = owner ? ` by pid ${owner.pid} (${owner.command})` : "";
      taken.push(`${port}, for ${part.name}, is in use${by}`);
    }
  }
  if (taken.length === 0) return;
  throw new CommandError(exitCodes.unavailable, `The cluster's ports aren't free: ${taken.join("; ")}.`, {
    hint: `Stop it, or move the whole cluster: --port ${basePort + 1_000}${cluster.parts.length === wanted.length ? "" : " (after `roost cluster down --purge`)"}.`,
  });
}
