/** What the settings say, checked and put together. The only reader of the environment. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseEnv } from "node:util";
import { misspeltSettings } from "./misspelt.ts";
import { type LOG_LEVELS, type SettingName, settingNames, settingOf, type Values } from "./settings.ts";

export interface Config {
  readonly host: string;
  readonly port: number;
  /** From not being ready any more until no request is taken: what balancers take to notice. */
  readonly drainMs: number;
  /** Absolute path. */
  readonly dataDir: string;
  /** Where people reach this server: scheme, host and port, no trailing slash. */
  readonly publicUrl: string;
  readonly database: { kind: "embedded" } | ExternalDatabase;
  readonly databasePoolSize: number;
  /** Databases that hold what accounts own; empty when the one database holds everything. */
  readonly shards: readonly ShardAddress[];
  /** Null: timelines, streams and limits are in this process's memory. */
  readonly redis: { readonly url: string; readonly keyPrefix: string } | null;
  /** Null: events are read from the database. */
  readonly kafka: { readonly brokers: readonly string[]; readonly topicPrefix: string } | null;
  /** Null: media are kept in `dataDir`. */
  readonly s3: {
    /** Null: Amazon's own. */
    readonly endpoint: string | null;
    readonly region: string;
    readonly bucket: string;
    readonly prefix: string | null;
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
  } | null;
  readonly signUps: "open" | "closed";
  /** The demo's account, which anybody may use; null on a server that is no demo, or that others reach. */
  readonly demo: { readonly login: string; readonly password: string; readonly name: string } | null;
  readonly rateLimits: boolean;
  readonly smtp: { url: string; from: string } | null;
  /** Addresses or CIDR ranges whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  readonly instance: { title: string; description: string; contactEmail: string };
  readonly maxCharacters: number;
  readonly fanOut: {
    /** An author with this many followers or more is read at read time (pull) instead of being pushed. */
    readonly pullFromFollowers: number;
    /** A pulled author goes back to push below this many followers. */
    readonly pushBelowFollowers: number;
    /** Around a switch both ways are used for this long, so stale knowledge of the switch is harmless. */
    readonly switchOverlapMs: number;
  };
  /** What caches of a process may take, all together. */
  readonly cacheMb: number;
  readonly timelines: {
    readonly maxEntries: number;
    readonly maxInMemory: number;
    readonly idleDays: number;
  };
  readonly logLevel: (typeof LOG_LEVELS)[number];
}

export interface ShardAddress {
  readonly url: string;
  /** Past any pooler: sessions keep what they set. */
  readonly directUrl: string;
}

export interface ExternalDatabase {
  readonly kind: "external";
  readonly url: string;
  /** Past any pooler: sessions keep what they set. */
  readonly directUrl: string;
  readonly replicaUrls: readonly string[];
  readonly replicaLagMsMax: number;
}

/** Values by setting name, as text: of the environment, of `.env`, or of flags. */
export type Texts = Readonly<Record<string, string | undefined>>;
export type SettingSource = "flag" | "environment" | ".env" | "default";

/** A setting as it stands. `text` is null when it is unset. */
export interface EffectiveSetting {
  readonly name: SettingName;
  readonly text: string | null;
  readonly source: SettingSource;
}

/** Settings that can't be used: every one of them, a sentence each. */
export class ConfigError extends Error {
  readonly mistakes: readonly string[];

  constructor(mistakes: readonly string[]) {
    super(mistakes.join("\n"));
    this.name = "ConfigError";
    this.mistakes = mistakes;
  }
}

export interface LoadedConfig {
  readonly config: Config;
  readonly sources: Readonly<Record<SettingName, SettingSource>>;
  readonly effective: readonly EffectiveSetting[];
  /** Names that are no setting, and what was probably meant: a sentence each, without its end. */
  readonly misspelt: readonly string[];
}

/**
 * Flags win over the environment, it over `.env`, that over the defaults. Empty texts count as unset. `defaults` are a
 * command's own, in place of the table's.
 */
export function loadConfig(
  environment: Texts,
  flags: Texts = {},
  dotEnv: Texts = {},
  defaults: Texts = {},
): LoadedConfig {
  const mistakes: string[] = [];
  const values: Partial<Record<SettingName, unknown>> = {};
  const effective = settingNames.map((name): EffectiveSetting => {
    const given = find(name, { flag: flags, environment, ".env": dotEnv }, mistakes);
    const { parse, expects, secret, fallback } = settingOf(name);
    const standard =
      defaults[name] ??
      (typeof fallback === "function" ? fallback((other) => `${values[other as SettingName]}`) : fallback);
    const entry = given ?? { name, text: standard, source: "default" as const };
    if (entry.text === null) return entry;
    values[name] = parse(entry.text);
    if (values[name] === undefined && given) {
      const shown = secret ? "not usable (its value is hidden)" : `"${entry.text}"`;
      mistakes.push(`${name} is ${shown}${whence(entry.source)}; expected ${expects}`);
    }
    return typeof values[name] === "string" ? { ...entry, text: values[name] } : entry;
  });
  const checked = values as { [N in SettingName]: Values[N] };
  const { FAN_OUT_PULL_FROM_FOLLOWERS: pullFrom, FAN_OUT_PUSH_BELOW_FOLLOWERS: pushBelow } = checked;
  if (pushBelow >= pullFrom) {
    mistakes.push(
      `FAN_OUT_PUSH_BELOW_FOLLOWERS is "${pushBelow}"; expected less than FAN_OUT_PULL_FROM_FOLLOWERS, ${pullFrom}`,
    );
  }
  const { SHARD_URLS: shards = [], SHARD_DIRECT_URLS: direct = shards } = checked;
  if (shards.length > 0 && direct.length !== shards.length) {
    mistakes.push(
      `SHARD_DIRECT_URLS has ${count(direct.length)}; expected one for each of SHARD_URLS, ${shards.length}, in the same order`,
    );
  }
  mistakes.push(...mistakesOfS3(effective));
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  const sources = Object.fromEntries(effective.map(({ name, source }) => [name, source]));
  return {
    config: assemble(checked),
    sources: sources as LoadedConfig["sources"],
    effective,
    misspelt: misspeltSettings(environment, dotEnv),
  };
}

/** As `loadConfig`, from this process's environment and the `.env` file of the folder it runs in. */
export function loadConfigHere(flags: Texts = {}, defaults: Texts = {}): LoadedConfig {
  return loadConfig(process.env, flags, readDotEnv(resolve(".env")), defaults);
}

/** Whether others than this machine's own users reach the server, as far as settings tell. */
export function isReachedByOthers({ host, publicUrl }: Pick<Config, "host" | "publicUrl">): boolean {
  const isLocal = (name: string) => /^(localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)$/.test(name);
  return !isLocal(host) || !isLocal(new URL(publicUrl).hostname);
}

function readDotEnv(file: string): Texts {
  try {
    return parseEnv(readFileSync(file, "utf8"));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new ConfigError([
      `${file} can't be read (${(cause as NodeJS.ErrnoException).code}); expected a readable file`,
    ]);
  }
}

function count(addresses: number): string {
  return addresses === 1 ? "1 address" : `${addresses} addresses`;
}

/** A bucket needs keys, and what is said about a bucket would be lost without its name. */
function mistakesOfS3(effective: readonly EffectiveSetting[]): string[] {
  const given = effective
    .filter(({ name, source }) => name.startsWith("S3_") && source !== "default")
    .map(({ name }) => name);
  if (given.length === 0) return [];
  if (!given.includes("S3_BUCKET")) return [`S3_BUCKET isn't set; expected with ${given.join(", ")}`];
  const keys: SettingName[] = ["S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"];
  const missing = keys.filter((name) => !given.includes(name));
  return missing.map((name) => `${name} isn't set; expected with S3_BUCKET`);
}

function find(name: SettingName, from: Record<string, Texts>, mistakes: string[]): EffectiveSetting | null {
  for (const [key, texts] of Object.entries(from)) {
    const source = key as SettingSource;
    const direct = texts[name] || null;
    const file = (settingOf(name).secret && texts[`${name}_FILE`]) || null;
    if (direct !== null && file !== null) {
      mistakes.push(`${name} and ${name}_FILE are both set${whence(source)}; expected only one of them`);
    }
    if (direct !== null) return { name, text: direct, source };
    if (file !== null) return { name, text: secretIn(`${name}_FILE`, file, source, mistakes), source };
  }
  return null;
}

function secretIn(name: string, file: string, source: SettingSource, mistakes: string[]): string | null {
  try {
    const held = readFileSync(file, "utf8").trim();
    if (held !== "") return held;
    mistakes.push(
      `${name} is "${file}"${whence(source)}, which is empty; expected a file that holds the value`,
    );
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code === "ENOENT" ? "doesn't exist" : "can't be read";
    mistakes.push(
      `${name} is "${file}"${whence(source)}, which ${reason}; expected a file that holds the value`,
    );
  }
  return null;
}

function whence(source: SettingSource): string {
  return source === "environment" ? "" : ` (${source === "flag" ? "a flag" : source})`;
}

function assemble(values: Values): Config {
  return {
    host: values.HOST,
    port: values.PORT,
    drainMs: values.DRAIN_MS,
    dataDir: values.DATA_DIR,
    publicUrl: values.PUBLIC_URL,
    database: values.DATABASE_URL
      ? {
          kind: "external",
          url: values.DATABASE_URL,
          directUrl: values.DATABASE_DIRECT_URL ?? values.DATABASE_URL,
          replicaUrls: values.DATABASE_REPLICA_URLS ?? [],
          replicaLagMsMax: values.REPLICA_LAG_MS_MAX,
        }
      : { kind: "embedded" },
    shards: (values.SHARD_URLS ?? []).map((url, n) => ({
      url,
      directUrl: values.SHARD_DIRECT_URLS?.[n] ?? url,
    })),
    redis: values.REDIS_URL ? { url: values.REDIS_URL, keyPrefix: values.REDIS_KEY_PREFIX } : null,
    kafka: values.KAFKA_BROKERS
      ? { brokers: values.KAFKA_BROKERS, topicPrefix: values.KAFKA_TOPIC_PREFIX }
      : null,
    s3: s3Of(values),
    databasePoolSize: values.DATABASE_POOL_SIZE,
    signUps: values.SIGN_UPS,
    demo: null,
    rateLimits: values.RATE_LIMITS === "on",
    smtp: values.SMTP_URL ? { url: values.SMTP_URL, from: values.MAIL_FROM } : null,
    trustedProxies: values.TRUSTED_PROXIES ?? [],
    instance: {
      title: values.INSTANCE_TITLE,
      description: values.INSTANCE_DESCRIPTION,
      contactEmail: values.CONTACT_EMAIL,
    },
    maxCharacters: values.MAX_CHARACTERS,
    fanOut: {
      pullFromFollowers: values.FAN_OUT_PULL_FROM_FOLLOWERS,
      pushBelowFollowers: values.FAN_OUT_PUSH_BELOW_FOLLOWERS,
      switchOverlapMs: values.FAN_OUT_SWITCH_OVERLAP_MS,
    },
    cacheMb: values.CACHE_MB,
    timelines: {
      maxEntries: values.TIMELINE_MAX_ENTRIES,
      maxInMemory: values.TIMELINES_IN_MEMORY,
      idleDays: values.TIMELINE_IDLE_DAYS,
    },
    logLevel: values.LOG_LEVEL,
  };
}

function s3Of(values: Values): Config["s3"] {
  const { S3_BUCKET: bucket, S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = values;
  if (!bucket) return null;
  const { S3_ENDPOINT: endpoint = null, S3_REGION: region, S3_PREFIX: prefix = null } = values;
  return { endpoint, region, bucket, prefix, accessKeyId, secretAccessKey };
}
