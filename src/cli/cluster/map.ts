/** What runs where, and how it does. */
import type { PartState, PartStatus } from "../../cluster/cluster.ts";
import type { Style, Terminal } from "../terminal.ts";
import { table } from "../terminal.ts";
import type { OpenedCluster } from "./place.ts";

const STYLES: Readonly<Record<PartState, Style>> = {
  ready: "green",
  "not ready": "yellow",
  frozen: "cyan",
  down: "red",
};

/** Shows it; resolves to whether every part is ready. */
export async function showMap(
  { cluster, url }: OpenedCluster,
  terminal: Terminal,
  options: { json?: boolean },
): Promise<boolean> {
  const parts = await cluster.status();
  const isReady = parts.every(({ state }) => state === "ready");
  if (options.json) {
    terminal.json({ url, ready: isReady, folder: cluster.folder, parts });
    return isReady;
  }
  const rows = parts.map((part) => rowOf(part));
  for (const [i, line] of table(["PART", "STATE", "PORT", "PID", "DOES"], rows).entries()) {
    const state = parts[i - 1]?.state;
    terminal.data(
      state === undefined
        ? terminal.paintData("dim", line)
        : line.replace(` ${state} `, ` ${terminal.paintData(STYLES[state], state)} `),
    );
  }
  const bad = parts.filter(({ state }) => state !== "ready").map(({ name, state }) => `${name} is ${state}`);
  terminal.data("");
  terminal.data(isReady ? `All ${parts.length} parts are ready: ${url}` : `${bad.join(", ")}.`);
  return isReady;
}

function rowOf({ name, state, ports, pid, what }: PartStatus): string[] {
  return [name, state, `${ports[0] ?? ""}`, `${pid ?? "-"}`, what];
}
