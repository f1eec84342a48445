/** Where a cluster is kept, and what was chosen when it was set up. */
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Command } from "commander";
import { Cluster } from "../../cluster/cluster.ts";
import { type Chosen, PORTS, topology } from "../../cluster/topology.ts";
import type { LoadedConfig } from "../../config.ts";
import { DataDirInUse, lockDataDir } from "../../engines/database/data-dir-lock.ts";
import { requireFolder } from "../data-folder.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { packageDir } from "../invocation.ts";
import { configOf } from "../setting-flags.ts";

export interface OpenedCluster {
  readonly cluster: Cluster;
  readonly url: string;
  readonly basePort: number;
  /** For commands that work on the cluster's data from here. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Not 3000, where a single Roost may be running. */
const BASE_PORT = 4000;
const CHOSEN = "cluster.json";
/** What is DATA_DIR to its processes. */
const ROOST = "roost";

/** The cluster of DATA_DIR, made if there is none. */
export function openCluster(command: Command, wanted: { brokers?: number }): OpenedCluster {
  const loaded = configOf(command);
  const folder = folderOf(loaded.config.dataDir);
  const before = chosenIn(folder);
  const basePort = loaded.sources.PORT === "default" ? undefined : loaded.config.port;
  if (basePort !== undefined && (basePort < 1_024 || basePort > 65_535 - PORTS)) {
    throw new CommandError(
      exitCodes.config,
      `PORT is "${basePort}"; expected 1024 to ${65_535 - PORTS}: the ${PORTS} ports from it on are the cluster's.`,
    );
  }
  const chosen: Chosen = {
    basePort: basePort ?? before?.basePort ?? BASE_PORT,
    brokers: (wanted.brokers ?? before?.brokers ?? 1) as 1 | 3,
  };
  if (before && (before.basePort !== chosen.basePort || before.brokers !== chosen.brokers)) {
    throw new CommandError(
      exitCodes.config,
      `The cluster in ${folder} was set up with PORT ${before.basePort} and ${before.brokers} Kafka broker(s).`,
      { hint: "Leave --port and --brokers out, or begin anew after `roost cluster down --purge`." },
    );
  }
  requireFolder(loaded.config.dataDir);
  mkdirSync(folder, { recursive: true });
  if (!before) writeFileSync(join(folder, CHOSEN), `${JSON.stringify(chosen)}\n`);
  return opened(folder, chosen, loaded);
}

/** The cluster of DATA_DIR. */
export function clusterAt(command: Command): OpenedCluster {
  const loaded = configOf(command);
  const folder = folderOf(loaded.config.dataDir);
  const chosen = chosenIn(folder);
  if (chosen) return opened(folder, chosen, loaded);
  throw new CommandError(exitCodes.failed, `There is no cluster in ${folder}.`, {
    hint: "`roost cluster up` starts one; another DATA_DIR may hold one.",
  });
}

/** Below DATA_DIR; or around it, in a shell that has the settings of the cluster's processes (`roost cluster env`). */
function folderOf(dataDir: string): string {
  const around = dirname(dataDir);
  return basename(dataDir) === ROOST && chosenIn(around) ? around : join(dataDir, "cluster");
}

function chosenIn(folder: string): Chosen | null {
  const file = join(folder, CHOSEN);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Chosen) : null;
}

function opened(folder: string, chosen: Chosen, { effective }: LoadedConfig): OpenedCluster {
  const settings = Object.fromEntries(
    effective
      .filter(({ source, text }) => source !== "default" && text !== null)
      .map(({ name, text }) => [name, text ?? ""]),
  );
  // Processes tell the folder they work in by its real path.
  const place = realpathSync(folder);
  const plan = topology({
    ...chosen,
    settings,
    roostDir: join(place, ROOST),
    roost: [join(packageDir, "bin", "roost")],
  });
  const url = `http://localhost:${chosen.basePort}`;
  return {
    cluster: new Cluster(place, plan.groups),
    url,
    basePort: chosen.basePort,
    settings: plan.settings,
  };
}

/** One command at a time changes a cluster. */
export async function locked(cluster: Cluster, work: () => Promise<void>): Promise<void> {
  await using _ = await lockDataDir(cluster.folder).catch((error: unknown) => {
    if (!(error instanceof DataDirInUse)) throw error;
    throw new CommandError(
      exitCodes.tryLater,
      `Another \`roost cluster\` command is at work in ${cluster.folder}.`,
      { hint: "Wait until it has ended.", cause: error },
    );
  });
  await work();
}

/** As if it had never been. */
export function forget(cluster: Cluster): void {
  rmSync(cluster.folder, { recursive: true, force: true });
}
