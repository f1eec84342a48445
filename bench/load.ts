/** Requests over HTTP as fast as they are answered, and the CPU time of whoever answers. */
import autocannon from "autocannon";
import { cpuSecondsOf } from "./processes.ts";

/** Until hot code is compiled and caches are full, a read costs twice as much. */
export const ANSWERS_UNTIL_WARM = 30_000;
const WARM_SLICE_SECONDS = 2;
const WARM_MS_MAX = 20_000;

export interface Load {
  readonly url: string;
  readonly seconds: number;
  readonly connections: number;
  readonly method?: "GET" | "POST";
  /** Called for each request that is sent. */
  readonly each?: (request: autocannon.Request) => autocannon.Request;
  /** Of whoever answers. */
  readonly pids: readonly number[];
}

export interface Answered {
  readonly rate: number;
  readonly p99Ms: number;
  /** Answers per second of the processes' CPU time: what a load generator on the same cores doesn't change. */
  readonly perCpuSecond: number;
  /** Cores that the processes used. */
  readonly cores: number;
}

/** Throws when any answer was not 2xx, or none came: a ratio to that would be no number. */
export async function answersTo(load: Load): Promise<Answered> {
  const cpuBefore = cpuSecondsOf(load.pids);
  const result = await autocannon({
    url: load.url,
    connections: load.connections,
    duration: load.seconds,
    method: load.method ?? "GET",
    ...(load.each ? { requests: [{ setupRequest: load.each }] } : {}),
  });
  const cpuSeconds = cpuSecondsOf(load.pids) - cpuBefore;
  if (result.requests.total === 0) throw new Error(`nothing was answered within ${load.seconds} s`);
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(`${result.non2xx} answers were no success, ${result.errors} requests failed`);
  }
  return {
    rate: result.requests.total / result.duration,
    p99Ms: result.latency.p99,
    perCpuSecond: result.requests.total / cpuSeconds,
    cores: cpuSeconds / result.duration,
  };
}

/** So many answers, or as long as is bearable. */
export async function warmUp(load: Load, answers = ANSWERS_UNTIL_WARM): Promise<void> {
  const deadlineMs = performance.now() + WARM_MS_MAX;
  for (let answered = 0; answered < answers && performance.now() < deadlineMs; ) {
    const { rate } = await answersTo({ ...load, seconds: WARM_SLICE_SECONDS });
    answered += rate * WARM_SLICE_SECONDS;
  }
}
