import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { loadConfig } from "./config.ts";
import { settingNames } from "./settings.ts";

const inEnvironment = (texts: Record<string, string>) => loadConfig(texts).misspelt;
const inDotEnv = (texts: Record<string, string>) => loadConfig({}, {}, texts).misspelt;

it.each([
  ["DATABSE_URL", "DATABASE_URL"],
  ["DATABASE_URI", "DATABASE_URL"],
  ["database_url", "DATABASE_URL"],
  ["DATABASE_URL_FIEL", "DATABASE_URL_FILE"],
  ["KAFKA_BROKER", "KAFKA_BROKERS"],
  ["KAFAK_BROKER", "KAFKA_BROKERS"],
  ["REDIS_UR", "REDIS_URL"],
  ["DATADIR", "DATA_DIR"],
  ["SIGNUPS", "SIGN_UPS"],
])("%s was probably meant to be %s", (name, meant) => {
  expect(inEnvironment({ [name]: "secret" })).toEqual([`${name} is no setting; ${meant} was probably meant`]);
  expect(inDotEnv({ [name]: "secret" })).toEqual([
    `${name} (.env) is no setting; ${meant} was probably meant`,
  ]);
});

it("tells every name in .env that is no setting, and leaves compose.yaml its own", () => {
  expect(inDotEnv({ PROT: "1", FEATURES: "1" })).toEqual([
    "PROT (.env) is no setting; PORT was probably meant",
    "FEATURES (.env) is no setting",
  ]);
  const compose = readFileSync(new URL("../compose.yaml", import.meta.url), "utf8");
  const composes = [...compose.matchAll(/\$\{(\w+)/g)].map(([, name = ""]) => name);
  expect(composes.length).toBeGreaterThan(3);
  const others = composes.filter((name) => !settingNames.some((known) => known === name));
  expect(inDotEnv(Object.fromEntries(others.map((name) => [name, "1"])))).toEqual([]);
});

it("says nothing of what others have in the environment", () => {
  const names = `HOME HOSTNAME HOST_IP POST PATH PWD PS1 PGDATA PGHOST DATABASE_USER DATABASE_HOST DATABASE_PASSWORD
    DB_URL KAFKA_BROKER_ID KAFKA_PORT REDIS_PORT REDIS_HOST SMTP_HOST INSTANCE_TYPE INSTANCE_ID PUBLIC_IP LOG_DIR
    CACHE_DIR XDG_DATA_DIRS XDG_CACHE_HOME http_proxy NODE_OPTIONS MALLOC_ARENA_MAX CLUSTER_BROKERS npm_config_cache`;
  expect(inEnvironment(Object.fromEntries(names.split(/\s+/).map((name) => [name, "1"])))).toEqual([]);
});

it("says nothing where the setting meant is set too, or the text is empty", () => {
  expect(inEnvironment({ REDIS_URI: "redis://a", REDIS_URL: "redis://a" })).toEqual([]);
  expect(loadConfig({ REDIS_URI: "redis://a" }, {}, { REDIS_URL: "redis://a" }).misspelt).toEqual([]);
  expect(inDotEnv({ REDIS_URI: "" })).toEqual([]);
});
