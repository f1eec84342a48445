/**
 * A local cluster: groups of processes that need each other. What runs is told by the records of its processes in the
 * cluster's folder, never remembered: a command finds what the one before has left, whatever happened in between.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sleep } from "../core/clock.ts";
import { Unavailable } from "../core/errors.ts";
import {
  descendantsOf,
  find,
  launchAgain,
  type ManagedProcess,
  processesIn,
  tailOf,
  wasLaunched,
} from "./process.ts";

/** A process of the cluster, by a name that no other has. */
export interface Part {
  readonly name: string;
  /** Its purpose, for people. */
  readonly what: string;
  /** Where that changes: what it is at this moment; null when it can't be told. */
  readonly whatNow?: () => Promise<string | null>;
  readonly ports: readonly number[];
  /** Whether it does what it is there for; a rejection counts as no. */
  readonly isReady: () => Promise<boolean>;
  /** Starts it. Without this its group's `setUp` did, and it is started again as it was then. */
  readonly launch?: (folder: string) => Promise<ManagedProcess>;
  /** A folder, below its group's, where processes of its own work that outlive their parent. */
  readonly childrenWorkIn?: string;
  /** What asks it to end; SIGTERM unless given. */
  readonly stopSignal?: NodeJS.Signals;
}

/** Parts that are set up together, in a folder of their own. */
export interface Group {
  readonly name: string;
  readonly title: string;
  /** Groups that must be ready before. */
  readonly needs: readonly string[];
  readonly parts: readonly Part[];
  /** Null, or a sentence that says what isn't installed. */
  readonly missing?: () => string | null;
  /** Starts all parts for the first time, in an empty folder, and leaves them running. */
  readonly setUp?: (folder: string) => Promise<unknown>;
  /** Whether its parts have found each other. */
  readonly isReady?: () => Promise<boolean>;
  readonly readyMsMax: number;
}

export type PartState = "ready" | "not ready" | "frozen" | "down";

export interface PartStatus {
  readonly name: string;
  readonly group: string;
  readonly what: string;
  readonly state: PartState;
  readonly pid: number | null;
  readonly ports: readonly number[];
  readonly log: string;
}

const POLL_MS = 50;
const STOP_MS_MAX = 15_000;
const SET_UP = "set-up";

export class Cluster {
  readonly folder: string;
  readonly groups: readonly Group[];

  constructor(folder: string, groups: readonly Group[]) {
    this.folder = folder;
    this.groups = groups;
  }

  get parts(): readonly Part[] {
    return this.groups.flatMap((group) => group.parts);
  }

  /** The parts with this name, or of the group with this name. */
  named(name: string): readonly Part[] {
    const group = this.groups.find((one) => one.name === name);
    return group?.parts ?? this.parts.filter((part) => part.name === name);
  }

  processOf(part: Part): ManagedProcess | null {
    return find(this.#folderOf(part), part.name);
  }

  /** What it has started, as far as it still runs. */
  childrenOf(part: Part): readonly number[] {
    const running = this.processOf(part);
    const children = new Set(running ? descendantsOf(running.record.pid) : []);
    if (part.childrenWorkIn !== undefined)
      for (const pid of processesIn(join(this.#folderOf(part), part.childrenWorkIn)))
        if (pid !== running?.record.pid) children.add(pid);
    return [...children];
  }

  logOf(part: Part): string {
    return join(this.#folderOf(part), `${part.name}.log`);
  }

  async status(): Promise<PartStatus[]> {
    const asked = this.groups.flatMap((group) => group.parts.map((part) => ({ group, part })));
    return Promise.all(
      asked.map(async ({ group, part }) => {
        const running = this.processOf(part);
        const state = running === null ? "down" : await stateOf(running, part);
        return {
          name: part.name,
          group: group.name,
          what: (state === "ready" && (await part.whatNow?.())) || part.what,
          state,
          pid: running?.record.pid ?? null,
          ports: part.ports,
          log: this.logOf(part),
        };
      }),
    );
  }

  /** Brings a group up whose needs are ready: starts what is missing, thaws what is frozen, waits for all. */
  async up(group: Group): Promise<void> {
    const folder = join(this.folder, group.name);
    if (group.setUp && !existsSync(join(folder, SET_UP))) {
      // Whatever an interrupted set-up has left is in the way of the next.
      await this.down(group);
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
      await group.setUp(folder);
      writeFileSync(join(folder, SET_UP), "");
    } else {
      mkdirSync(folder, { recursive: true });
      const started = await Promise.allSettled(group.parts.map((part) => this.start(part)));
      const failures = started.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
      if (failures.length > 0)
        throw new Unavailable(failures.map(messageOf).join("\n\n"), { cause: failures[0] });
    }
    await this.#ready(group);
  }

  /** Starts a part that isn't running; thaws one that is frozen. */
  async start(part: Part): Promise<void> {
    const folder = this.#folderOf(part);
    const running = this.processOf(part);
    if (running) {
      running.signal("SIGCONT");
      for (const pid of this.childrenOf(part)) signal(pid, "SIGCONT");
      return;
    }
    if (part.launch) return void (await part.launch(folder));
    if (!wasLaunched(folder, part.name)) {
      throw new Unavailable(`${part.name} has never run here: \`roost cluster up\` starts everything`);
    }
    const { isReady } = part;
    const readyMsMax = this.#groupOf(part).readyMsMax;
    await launchAgain({ folder, name: part.name, isReady, readyMsMax });
  }

  /** As a crash does: at once, with all that it has started. False when it wasn't running. */
  async kill(part: Part): Promise<boolean> {
    const running = this.processOf(part);
    const children = this.childrenOf(part);
    // The watcher first: it would start its child again.
    await running?.stop(0);
    for (const pid of children) signal(pid, "SIGKILL");
    return running !== null;
  }

  /** As a machine that hangs: connections stay open, nothing answers. */
  freeze(part: Part): boolean {
    for (const pid of this.childrenOf(part)) signal(pid, "SIGSTOP");
    return this.processOf(part)?.signal("SIGSTOP") ?? false;
  }

  thaw(part: Part): boolean {
    for (const pid of this.childrenOf(part)) signal(pid, "SIGCONT");
    return this.processOf(part)?.signal("SIGCONT") ?? false;
  }

  /** Ends a group in order, and then whatever of it wouldn't end. What it has stored stays. */
  async down(group: Group): Promise<void> {
    const folder = join(this.folder, group.name);
    if (!existsSync(folder)) return;
    const children = group.parts.flatMap((part) => this.childrenOf(part));
    for (const pid of children) signal(pid, "SIGCONT");
    await Promise.all(group.parts.map((part) => this.processOf(part)?.stop(STOP_MS_MAX, part.stopSignal)));
    const untilMs = performance.now() + STOP_MS_MAX;
    for (let left = processesIn(folder); left.length > 0; left = processesIn(folder)) {
      for (const pid of left) signal(pid, performance.now() < untilMs ? "SIGTERM" : "SIGKILL");
      await sleep(POLL_MS);
    }
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      // A process that was killed leaves its socket.
      if (entry.isSocket()) rmSync(join(entry.parentPath, entry.name), { force: true });
    }
  }

  /** These groups and those they need, each after those it needs. */
  inOrder(wanted: readonly Group[] = this.groups): readonly Group[] {
    const ordered: Group[] = [];
    const visit = (group: Group): void => {
      if (ordered.includes(group)) return;
      for (const need of group.needs) {
        const needed = this.groups.find(({ name }) => name === need);
        if (needed) visit(needed);
      }
      ordered.push(group);
    };
    for (const group of wanted) visit(group);
    return ordered;
  }

  async #ready(group: Group): Promise<void> {
    const untilMs = performance.now() + group.readyMsMax;
    for (;;) {
      const states = await Promise.all(group.parts.map((part) => this.#stateOf(part)));
      const isUp = states.every((state) => state === "ready");
      if (isUp && (await (group.isReady?.() ?? Promise.resolve(true)).catch(() => false))) return;
      const ended = group.parts.find((_, i) => states[i] === "down");
      if (ended || performance.now() > untilMs) {
        const late = ended ?? group.parts.find((_, i) => states[i] !== "ready") ?? group.parts[0];
        const why = ended ? "has ended" : `wasn't ready within ${group.readyMsMax / 1_000} s`;
        throw new Unavailable(`${late?.name ?? group.name} ${why}\n${late ? tailOf(this.logOf(late)) : ""}`);
      }
      await sleep(POLL_MS);
    }
  }

  async #stateOf(part: Part): Promise<PartState> {
    const running = this.processOf(part);
    return running === null ? "down" : stateOf(running, part);
  }

  #groupOf(part: Part): Group {
    const found = this.groups.find((group) => group.parts.some(({ name }) => name === part.name));
    if (!found) throw new Error(`${part.name} is no part of this cluster`);
    return found;
  }

  #folderOf(part: Part): string {
    return join(this.folder, this.#groupOf(part).name);
  }
}

async function stateOf(running: ManagedProcess, part: Part): Promise<PartState> {
  if (running.isFrozen()) return "frozen";
  return (await part.isReady().catch(() => false)) ? "ready" : "not ready";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It's gone, which is as well.
  }
}
