/** The demo's people, loaded into a cluster from here. */
import { openRoost } from "../../composition.ts";
import { loadConfig } from "../../config.ts";
import { systemClock } from "../../core/clock.ts";
import { loadDemo } from "../../demo/load.ts";
import { Progress } from "../progress.ts";
import type { Terminal } from "../terminal.ts";
import type { OpenedCluster } from "./place.ts";

export async function loadIntoCluster({ settings }: OpenedCluster, terminal: Terminal): Promise<void> {
  await using roost = await openRoost(loadConfig({ ...settings, LOG_LEVEL: "warn" }).config, {
    roles: [],
  });
  const progress = new Progress({ terminal, clock: systemClock });
  const { login } = await loadDemo(roost, {
    mediaStore: roost.api.mediaStore,
    nowMs: systemClock.nowMs(),
    onProgress: (done, total, label) => progress.update(done, total, label),
  });
  progress.clear();
  terminal.note(`Demo login: ${login.email}, password ${login.password}`);
}
