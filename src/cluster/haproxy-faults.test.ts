/**
 * Servers behind HAProxy that freeze and die under a steady load: what their clients notice, and when HAProxy does.
 *
 * A request that a frozen server was given has reached it, for all HAProxy can tell: the system accepts connections and
 * takes what is sent on them, and the server reads it when it goes on. A read is asked of another server as soon as this
 * one is known to be down, and so is a post with an Idempotency-Key, which Roost keeps once. Any other POST is not, since
 * it would be done twice: its client is told, at that moment.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Backends, startBackends } from "../../test/support/backends.ts";
import { type Asked, type SteadyLoad, steadyLoad } from "../../test/support/steady-load.ts";
import { waitFor } from "../../test/support/wait.ts";
import { sleep } from "../core/clock.ts";
import { invariant } from "../core/errors.ts";
import {
  adminSocket,
  type Balance,
  HAPROXY_CONFIGURATION,
  hasHaproxy,
  serverStates,
  startHaproxy,
} from "./haproxy.ts";
import { freePort } from "./process.ts";

/** As deployed. */
const CHECK_MS = 1_000;
const { checkAnswerMs, fastCheckMs, failuresMost } = checksOf(readFileSync(HAPROXY_CONFIGURATION, "utf8"));
/** A check may just have passed; then that many fail, each at once or late. */
const killedNoticedMs = CHECK_MS + (failuresMost - 1) * fastCheckMs;
const frozenNoticedMs = killedNoticedMs + failuresMost * checkAnswerMs;
/** What a busy machine needs on top. */
const SLACK_MS = 1_000;
/** A server that was just started is down after one failure: it has to pass checks first. */
const PROVEN_MS = 2 * CHECK_MS + 500;

const PER_SECOND = 30;
const NAMES = ["a", "b", "c"];
const folder = mkdtempSync(join(tmpdir(), "roost-haproxy-faults-"));
const opened = new AsyncDisposableStack();
let backends: Backends;
beforeAll(async () => {
  if (hasHaproxy()) backends = opened.use(await startBackends(NAMES.length, folder));
});
afterAll(async () => {
  await opened.disposeAsync();
  rmSync(folder, { recursive: true, force: true });
});

describe.runIf(hasHaproxy())("HAProxy under load (skipped unless it is installed)", () => {
  test("a frozen server is down within two checks: reads and posts with a key are answered by others, other POSTs it was given are told so", async () => {
    await using one = await underLoad("roundrobin");
    const { failed, frozen } = await one.freeze();
    // Going on, it does what it was given, or not: hence the 502's advice to look. Nobody else does.
    expect(failed.length).toBeGreaterThan(0);
    expect(failed.filter((post) => doneBy(post).some((name) => name !== "c"))).toEqual([]);
    expect(frozen.leftAfterMs).toBeLessThan(frozenNoticedMs + SLACK_MS);

    // Back again, it gets its share; then another one dies, of which no request is to notice that came later.
    const backMs = performance.now();
    await sleep(1_000);
    const since = one.load.asked.filter(({ beganMs, status }) => beganMs > backMs && status === 200);
    expect(since.filter(({ server }) => server === "c").length).toBeGreaterThan(since.length / 4);
    const killed = await one.fault("b", "SIGKILL");
    await sleep(SLACK_MS);
    await one.load.stop();
    expect(killed.leftAfterMs).toBeLessThan(killedNoticedMs + SLACK_MS);
    const lost = one.load.asked.filter(({ status, beganMs }) => status !== 200 && beganMs > frozen.downMs);
    expect(lost.filter(({ id }) => !killed.underWay.has(id))).toEqual([]);
    expect(lost.filter((one) => doneBy(one).some((name) => name !== "b"))).toEqual([]);
    expect(everyPostIn(one.load)).toEqual({ doneTwice: [], answeredButNotDone: [] });
    report("killed", killed, lost);
    await backends.restart("b");
  });

  test("leastconn gives a frozen server hardly anything", async () => {
    await using one = await underLoad("leastconn");
    const { failed, frozen } = await one.freeze();
    await one.load.stop();
    // It has as many under way as the others from then on, and they are done with theirs.
    expect(failed.length).toBeLessThanOrEqual(frozen.underWay.size + NAMES.length);
    expect(everyPostIn(one.load)).toEqual({ doneTwice: [], answeredButNotDone: [] });
  });
});

interface Fault {
  /** Requests that hadn't been answered when it happened, at whichever server. */
  readonly underWay: ReadonlySet<number>;
  /** When HAProxy had noticed, and how long that took it. */
  readonly downMs: number;
  readonly leftAfterMs: number;
}

let started = 0;
async function underLoad(balance: Balance) {
  const settings = { name: `haproxy-${++started}`, folder, port: await freePort(), servers: backends.ports };
  const managed = await startHaproxy({ ...settings, balance, checkMs: CHECK_MS });
  const url = `http://127.0.0.1:${settings.port}`;
  // Ids are the log's, which the servers keep from one test to the next.
  const load = steadyLoad(url, { perSecond: PER_SECOND, workMs: 100, firstId: started * 10_000 });
  await sleep(PROVEN_MS);
  const isIn = async (server: string, state: string) =>
    (await serverStates(adminSocket(settings))).get(`api-${NAMES.indexOf(server) + 1}`) === state;

  const fault = async (server: string, signal: "SIGSTOP" | "SIGKILL"): Promise<Fault> => {
    const underWay = new Set(load.asked.filter(({ endedMs }) => endedMs === null).map(({ id }) => id));
    const atMs = performance.now();
    backends.process(server).signal(signal);
    await waitFor(() => isIn(server, "DOWN"), frozenNoticedMs + SLACK_MS, `${server} is known to be down`);
    const downMs = performance.now();
    return { underWay, downMs, leftAfterMs: downMs - atMs };
  };

  /** Freezes c, until a second after HAProxy has noticed, and lets it go on; what failed because of it. */
  const freeze = async () => {
    try {
      const frozen = await fault("c", "SIGSTOP");
      await sleep(1_000);
      const before = load.asked.filter(({ beganMs }) => beganMs < frozen.downMs);
      expect(before.filter(({ endedMs }) => endedMs === null)).toEqual([]);
      const failed = load.asked.filter(({ status, endedMs }) => endedMs !== null && status !== 200);
      expect(failed.filter(({ beganMs }) => beganMs > frozen.downMs)).toEqual([]);
      const givenLater = failed.filter(({ id }) => !frozen.underWay.has(id));
      expect(givenLater.filter(({ method, status }) => method !== "POST" || status !== 502)).toEqual([]);
      expect(failed.filter(({ hasKey }) => hasKey)).toEqual([]);
      report(`frozen, ${balance}`, frozen, failed);
      return { failed, frozen };
    } finally {
      backends.process("c").signal("SIGCONT");
      await waitFor(() => isIn("c", "UP"), 5_000, "the frozen server is back");
    }
  };
  return {
    load,
    fault,
    freeze,
    [Symbol.asyncDispose]: async () => {
      await load.stop();
      await managed.stop(0);
    },
  };
}

/** By the logs of the servers. */
function doneBy({ method, id }: Asked): string[] {
  return NAMES.filter((name) =>
    readFileSync(join(folder, `${name}.log`), "utf8")
      .split("\n")
      .includes(`${method} ${id}`),
  );
}

function everyPostIn({ asked }: SteadyLoad) {
  const posts = asked.filter(({ method }) => method === "POST").map((one) => ({ ...one, by: doneBy(one) }));
  return {
    // These servers, unlike Roost, know nothing of keys.
    doneTwice: posts.filter(({ by, hasKey }) => !hasKey && by.length > 1),
    answeredButNotDone: posts.filter(({ status, by, server }) => status === 200 && !by.includes(server)),
  };
}

function report(what: string, { leftAfterMs, underWay }: Fault, failed: readonly Asked[]): void {
  const posts = failed.filter(({ method }) => method === "POST").length;
  console.log(
    `${what}: down after ${Math.round(leftAfterMs)} ms, while ${PER_SECOND} requests a second came; ` +
      `${underWay.size} were under way at all servers; ${failed.length} failed, ${posts} of them POSTs`,
  );
}

function checksOf(configuration: string) {
  const [api = ""] = configuration.match(/^backend api\n[\s\S]*?^ {2}default-server .*$/m) ?? [];
  const numberIn = (text: string, pattern: RegExp) => {
    const found = Number(text.match(pattern)?.[1]);
    invariant(found > 0, `${pattern} is in haproxy.cfg`);
    return found;
  };
  return {
    checkAnswerMs: 1_000 * numberIn(configuration, /^ {2}timeout check (\d+)s$/m),
    fastCheckMs: numberIn(api, / fastinter (\d+)ms /),
    failuresMost: numberIn(api, / fall (\d+) /),
  };
}
