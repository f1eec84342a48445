/**
 * Home reads as a Roost of many processes serves them: `roost api`, compiled as it is deployed, with PostgreSQL and Redis
 * beside it; one process, and then one for each core at the same load. The load generator and Redis share the cores with
 * them, so reads a second can't double: whether a process costs the others something is seen in reads per CPU second of
 * the API processes.
 */
import { availableParallelism } from "node:os";
import { compileRoost } from "./compiled.ts";
import { FOLLOWEES, fillHomes, readsOf, storeHomes, VIEWERS } from "./home-load.ts";
import { ANSWERS_UNTIL_WARM, type Answered, answersTo, type Load, warmUp } from "./load.ts";
import {
  familyOf,
  peakResidentMb,
  residentMb,
  type Server,
  startBareHandler,
  startEngines,
  startServer,
} from "./processes.ts";
import type { Figure, Measured, Part } from "./report.ts";
import { type Account, middleOf, prepare, ROUNDS, secondsOfRound, temporaryFolder } from "./support.ts";

/** A read waits for Redis twice: with few connections, a process would wait more than it works. */
const CONNECTIONS = 64;
const PROCESSES = Math.max(2, availableParallelism());

export const homeShared: Part = {
  rows: ["homeShared", "homeProcesses", "homeProcessesCpu", "apiMemory"],
  measure,
};

interface Round {
  readonly bare: Answered;
  readonly one: Answered;
  readonly all: Answered;
}

async function measure(seconds: number): Promise<Measured> {
  using folder = temporaryFolder();
  await using engines = await startEngines(folder.path, { kafka: false });
  const viewers = await prepare(engines.settings, fillHomes);
  const program = await compileRoost();
  await using one = await startServer(engines.settings, { command: "api", program });
  await using all = await startServer(engines.settings, { command: "api", program, processes: PROCESSES });
  const { bodyFile, pageKb } = await storeHomes(one, viewers, folder.path);
  await using bare = await startBareHandler(bodyFile);
  const load = { connections: CONNECTIONS, seconds: secondsOfRound(seconds) };
  const ofBare = { ...load, url: bare.url, pids: [bare.pid] };
  const ofOne = loadOf(one, viewers, load);
  const ofAll = loadOf(all, viewers, load);
  await warmUp(ofBare);
  await warmUp(ofOne);
  await warmUp(ofAll, PROCESSES * ANSWERS_UNTIL_WARM);
  const rounds: Round[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    rounds.push({ bare: await answersTo(ofBare), one: await answersTo(ofOne), all: await answersTo(ofAll) });
  }
  return {
    conditions: `${VIEWERS} viewers of ${FOLLOWEES} followees, pages of ${pageKb} kB, ${CONNECTIONS} connections`,
    figures: [...figuresOf(rounds), ...memoryOf(one, bare)],
  };
}

function loadOf(
  server: Server,
  viewers: readonly Account[],
  load: Pick<Load, "connections" | "seconds">,
): Load {
  return { ...load, ...readsOf(server, viewers), pids: familyOf(server.pid) };
}

export function figuresOf(rounds: readonly Round[]): Figure[] {
  const middle = middleOf(rounds);
  const against = (what: string, value: (round: Round) => number) => ({ what, value: middle(value) });
  return [
    {
      row: "homeShared",
      measured: middle(({ one }) => one.rate),
      unit: "/s",
      heldAgainst: against("a bare handler sending the same bytes", ({ bare }) => bare.rate),
      ratio: middle(({ one, bare }) => one.rate / bare.rate),
    },
    {
      what: "the same per CPU second of the process",
      measured: middle(({ one }) => one.perCpuSecond),
      unit: "/s",
      heldAgainst: against("the bare handler", ({ bare }) => bare.perCpuSecond),
      ratio: middle(({ one, bare }) => one.perCpuSecond / bare.perCpuSecond),
    },
    {
      what: "p99",
      measured: middle(({ one }) => one.p99Ms),
      unit: "ms",
      heldAgainst: against("the bare handler", ({ bare }) => bare.p99Ms),
    },
    {
      row: "homeProcesses",
      measured: middle(({ all }) => all.rate),
      unit: "/s",
      heldAgainst: against("one process", ({ one }) => one.rate),
      ratio: middle(({ all, one }) => all.rate / one.rate),
    },
    {
      what: "cores used by these processes",
      measured: middle(({ all }) => all.cores),
      unit: "cores",
      heldAgainst: against("one process", ({ one }) => one.cores),
    },
    {
      row: "homeProcessesCpu",
      measured: middle(({ all }) => all.perCpuSecond),
      unit: "/s",
      heldAgainst: against("one process", ({ one }) => one.perCpuSecond),
      ratio: middle(({ all, one }) => all.perCpuSecond / one.perCpuSecond),
    },
  ];
}

function memoryOf(server: Server, bare: Server): Figure[] {
  const peakMb = peakResidentMb(server.pid);
  const nowMb = residentMb(server.pid);
  const barePeakMb = peakResidentMb(bare.pid);
  if (peakMb === null || nowMb === null || barePeakMb === null) return [];
  return [
    {
      row: "apiMemory",
      measured: peakMb,
      unit: "MB",
      heldAgainst: { what: "the bare handler", value: barePeakMb },
    },
    { what: "right after the load", measured: nowMb, unit: "MB" },
  ];
}
