/** A Roost whose inside a test reaches: caches are lost, modes switched, and it is known when nothing is under way. */
import { askRedis } from "../../src/cluster/redis.ts";
import { openRoost, type Roost } from "../../src/composition.ts";
import { loadConfig } from "../../src/config.ts";
import { tenantSettings, testCluster } from "./cluster-tenant.ts";
import { makeDataDir, removeDataDir, startRoost } from "./start-roost.ts";

export interface OpenedRoost extends AsyncDisposable, Pick<Roost, "database" | "modes" | "isIdle"> {
  readonly url: string;
  /** Everything that is kept beside the database is gone. */
  loseCaches(): Promise<void>;
}

const SETTINGS = { PORT: "0", HOST: "127.0.0.1", RATE_LIMITS: "off", LOG_LEVEL: "error" };

/** In this process; with TEST_CLUSTER, processes on that cluster, which this one reaches by way of the engines. */
export async function openTestRoost(env: Readonly<Record<string, string>>): Promise<OpenedRoost> {
  const dataDir = makeDataDir();
  if (testCluster) return onCluster(dataDir, env);
  const roost = await openRoost(loadConfig({ ...SETTINGS, DATA_DIR: dataDir, ...env }).config);
  return {
    database: roost.database,
    modes: roost.modes,
    loseCaches: async () => roost.loseCaches(),
    isIdle: () => roost.isIdle(),
    url: await roost.listen(),
    [Symbol.asyncDispose]: async () => {
      await roost[Symbol.asyncDispose]();
      await removeDataDir(dataDir);
    },
  };
}

/** Two servers behind one address, and this process as a third that takes no requests. */
async function onCluster(dataDir: string, env: Readonly<Record<string, string>>): Promise<OpenedRoost> {
  const running = await startRoost({ dataDir, env });
  const settings: Readonly<Record<string, string>> = {
    ...tenantSettings(dataDir),
    PUBLIC_URL: running.url,
    ...env,
  };
  const roost = await openRoost(loadConfig(settings).config);
  return {
    database: roost.database,
    modes: roost.modes,
    // What is cached in a process is forgotten when it finds that the log it follows is another.
    loseCaches: async () => {
      const ports = (settings.REDIS_URL ?? "").match(/(?<=:)\d+/g) ?? [];
      await Promise.all(ports.map((port) => askRedis(Number(port), "flushall")));
    },
    isIdle: () => roost.isIdle(),
    url: running.url,
    [Symbol.asyncDispose]: async () => {
      await roost[Symbol.asyncDispose]();
      await running.stop();
      await removeDataDir(dataDir);
    },
  };
}
