/** Warm reads of a home timeline, against a bare handler of the same framework that sends the same bytes. */
import { FOLLOWEES, fillHomes, readsOf, storeHomes, VIEWERS } from "./home-load.ts";
import { type Answered, answersTo, warmUp } from "./load.ts";
import { startBareHandler, startServer } from "./processes.ts";
import type { Measured, Part } from "./report.ts";
import { middleOf, prepare, ROUNDS, secondsOfRound, temporaryFolder } from "./support.ts";

const CONNECTIONS = 16;

/** A Roost as `npx roost start` starts it. */
export const home: Part = { rows: ["home"], measure };

async function measure(seconds: number): Promise<Measured> {
  using folder = temporaryFolder();
  const settings = { DATA_DIR: folder.path };
  const viewers = await prepare(settings, fillHomes);
  await using server = await startServer(settings);
  const { bodyFile, pageKb } = await storeHomes(server, viewers, folder.path);
  await using bare = await startBareHandler(bodyFile);
  const load = { connections: CONNECTIONS, seconds: secondsOfRound(seconds) };
  const reads = { ...load, ...readsOf(server, viewers), pids: [server.pid] };
  await warmUp(reads);
  const rounds: { roost: Answered; bare: Answered }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const limit = await answersTo({ ...load, url: bare.url, pids: [bare.pid] });
    rounds.push({ bare: limit, roost: await answersTo(reads) });
  }
  const middle = middleOf(rounds);
  return {
    conditions: `${VIEWERS} viewers of ${FOLLOWEES} followees, pages of ${pageKb} kB, ${CONNECTIONS} connections`,
    figures: [
      {
        row: "home",
        measured: middle(({ roost }) => roost.rate),
        unit: "/s",
        heldAgainst: {
          what: "a bare handler sending the same bytes",
          value: middle(({ bare }) => bare.rate),
        },
        ratio: middle(({ roost, bare }) => roost.rate / bare.rate),
      },
      {
        what: "the same per CPU second of the process",
        measured: middle(({ roost }) => roost.perCpuSecond),
        unit: "/s",
        heldAgainst: { what: "the bare handler", value: middle(({ bare }) => bare.perCpuSecond) },
        ratio: middle(({ roost, bare }) => roost.perCpuSecond / bare.perCpuSecond),
      },
      {
        what: "p99",
        measured: middle(({ roost }) => roost.p99Ms),
        unit: "ms",
        heldAgainst: { what: "the bare handler", value: middle(({ bare }) => bare.p99Ms) },
      },
    ],
  };
}
