/** A Roost whose inside a test reaches: caches are lost, modes switched, and it is known when nothing is under way. */
import { openRoost, type Roost } from "../../src/composition.ts";
import { loadConfig } from "../../src/config.ts";
import { tenantSettings, testCluster } from "./cluster-tenant.ts";
import { makeDataDir, removeDataDir, startRoost } from "./start-roost.ts";

export interface OpenedRoost
  extends AsyncDisposable,
    Pick<Roost, "database" | "modes" | "loseCaches" | "isIdle"> {
  readonly url: string;
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
    loseCaches: () => roost.loseCaches(),
    isIdle: () => roost.isIdle(),
    url: await roost.listen(),
    [Symbol.asyncDispose]: async () => {
      await roost[Symbol.asyncDispose]();
      await removeDataDir(dataDir);
    },
  };
}

async function onCluster(dataDir: string, env: Readonly<Record<string, string>>): Promise<OpenedRoost> {
  const running = await startRoost({ dataDir, env });
  const settings = { ...tenantSettings(dataDir), PUBLIC_URL: running.url, ...env };
  const roost = await openRoost(loadConfig(settings).config, { roles: "none" });
  return {
    database: roost.database,
    modes: roost.modes,
    loseCaches: () => roost.loseCaches(),
    isIdle: () => roost.isIdle(),
    url: running.url,
    [Symbol.asyncDispose]: async () => {
      await roost[Symbol.asyncDispose]();
      await running.stop();
      await removeDataDir(dataDir);
    },
  };
}
