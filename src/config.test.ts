import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ConfigError, loadConfig, type SettingSource, type Texts } from "./config.ts";
import { type SettingName, settingNames, settingOf } from "./settings.ts";

const S3_KEYS = { S3_ACCESS_KEY_ID: "me", S3_SECRET_ACCESS_KEY: "pw" };
const S3 = { S3_BUCKET: "media", ...S3_KEYS };

/** Of each setting a value that isn't its default, some that it can't have, and others that it can't be without. */
const samples: Record<SettingName, { good: string; bad: string[]; beside?: Texts }> = {
  PORT: { good: "4000", bad: ["abc", "-1", "65536", "80.5", "0x10", " 80"] },
  HOST: { good: "0.0.0.0", bad: ["http://localhost", "a b"] },
  PUBLIC_URL: {
    good: "https://roost.example",
    bad: [
      "roost.example",
      "https://roost.example/feed",
      "ftp://roost.example",
      "https://me:pw@roost.example",
    ],
  },
  TRUSTED_PROXIES: {
    good: "10.0.0.0/8,::1",
    bad: ["proxy", "10.0.0.0/33", "10.0.0.0/8/8", "10.0.0.1,", "::1/129"],
  },
  DRAIN_MS: { good: "2000", bad: ["-1", "2s"] },
  DATA_DIR: { good: "/srv/roost", bad: [] },
  LOG_LEVEL: { good: "debug", bad: ["loud", "INFO"] },
  DATABASE_URL: { good: "postgres://roost:pw@db:5432/roost", bad: ["mysql://db/roost", "db:5432"] },
  DATABASE_POOL_SIZE: { good: "5", bad: ["1", "501", "many"] },
  DATABASE_DIRECT_URL: { good: "postgres://roost:pw@db:5433/roost", bad: ["db:5433"] },
  DATABASE_REPLICA_URLS: { good: "postgres://a/roost,postgres://b/roost", bad: ["postgres://a/roost,b"] },
  REPLICA_LAG_MS_MAX: { good: "500", bad: ["0", "1s"] },
  SHARD_URLS: { good: "postgres://s1/roost,postgres://s2/roost", bad: ["s1,s2"] },
  SHARD_DIRECT_URLS: { good: "postgres://s1:5433/roost,postgres://s2:5433/roost", bad: ["s1,s2"] },
  REDIS_KEY_PREFIX: { good: "mine", bad: ["two words"] },
  REDIS_URL: { good: "redis+cluster://a:7000,b:7000", bad: ["a:6379", "redis+sentinel://a:26379"] },
  KAFKA_BROKERS: { good: "a:9092,b:9092", bad: ["a", "a:9092,", "kafka://a:9092"] },
  KAFKA_TOPIC_PREFIX: { good: "birds", bad: ["two words"] },
  INSTANCE_TITLE: { good: "Rookery", bad: ["two\nlines", "x".repeat(101)] },
  INSTANCE_DESCRIPTION: { good: "For birds.\nAnd others.", bad: ["x".repeat(1001)] },
  CONTACT_EMAIL: { good: "me@example.org", bad: ["me", "me@", "a b@example.org"] },
  SIGN_UPS: { good: "closed", bad: ["maybe", "Open", "true"] },
  RATE_LIMITS: { good: "off", bad: ["false", "0"] },
  MAX_CHARACTERS: { good: "5000", bad: ["0", "100001"] },
  S3_BUCKET: { good: "birds", bad: ["b", "two words", "a/b"], beside: S3_KEYS },
  S3_ENDPOINT: {
    good: "https://s3.example/minio",
    bad: ["s3.example", "ftp://s3.example", "https://me:pw@s3.example", "https://s3.example?a=b"],
    beside: S3,
  },
  S3_REGION: { good: "eu-central-1", bad: ["two words"], beside: S3 },
  S3_ACCESS_KEY_ID: { good: "AKIA1234", bad: ["two words"], beside: S3 },
  S3_SECRET_ACCESS_KEY: { good: "a/b+c=", bad: ["two words", "line\n"], beside: S3 },
  S3_PREFIX: {
    good: "birds/media",
    bad: ["/birds", "birds/", "birds/../media", "x".repeat(201)],
    beside: S3,
  },
  SMTP_URL: { good: "smtps://me:pw@mail.example", bad: ["mail.example", "http://mail.example"] },
  MAIL_FROM: { good: "Birds <birds@example.org>", bad: ["Birds", "Birds <birds>", "a@b\nBcc: c@d"] },
  FAN_OUT_PULL_FROM_FOLLOWERS: { good: "9000", bad: ["0", "1e4"] },
  FAN_OUT_PUSH_BELOW_FOLLOWERS: { good: "7000", bad: ["0", "-5"] },
  FAN_OUT_SWITCH_OVERLAP_MS: { good: "0", bad: ["3600001", "30s"] },
  CACHE_MB: { good: "64", bad: ["7", "64MB"] },
  TIMELINE_MAX_ENTRIES: { good: "400", bad: ["39", "10001"] },
  TIMELINES_IN_MEMORY: { good: "10", bad: ["0", "all"] },
  TIMELINE_IDLE_DAYS: { good: "7", bad: ["0", "3651"] },
};

function effective(name: SettingName, ...from: Parameters<typeof loadConfig>) {
  return loadConfig(...from).effective.find((setting) => setting.name === name);
}

function mistakes(...from: Parameters<typeof loadConfig>): readonly string[] {
  try {
    loadConfig(...from);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
}

describe.each(settingNames)("%s", (name) => {
  const { good, bad, beside = {} } = samples[name];

  it.each<[SettingSource, Parameters<typeof loadConfig>]>([
    ["environment", [{ ...beside, [name]: good }]],
    [".env", [{}, {}, { ...beside, [name]: good }]],
    ["flag", [beside, { [name]: good }]],
  ])("is taken from: %s", (source, from) => {
    expect(effective(name, ...from)).toEqual({ name, text: good, source });
  });

  it.runIf(bad.length > 0)("is refused in one sentence when it is wrong", () => {
    for (const text of bad) {
      const found = mistakes({ ...beside, [name]: text });
      expect(found, text).toHaveLength(1);
      expect(found[0]).toContain(name);
      expect(found[0]).toContain(`expected ${settingOf(name).expects}`);
      expect(found[0]?.includes(`"${text}"`), "shown unless secret").toBe(!settingOf(name).secret);
    }
  });

  it("says what it means", () => {
    expect(settingOf(name).doc).toMatch(/^[A-Z0-9].*\.$/);
  });
});

it("needs nothing set", () => {
  const { config, sources } = loadConfig({});
  expect(config).toEqual({
    host: "localhost",
    port: 3000,
    drainMs: 0,
    dataDir: resolve("data"),
    publicUrl: "http://localhost:3000",
    database: { kind: "embedded" },
    databasePoolSize: 20,
    demo: null,
    shards: [],
    redis: null,
    kafka: null,
    s3: null,
    signUps: "open",
    rateLimits: true,
    smtp: null,
    trustedProxies: [],
    instance: {
      title: "Roost",
      description: "A home for the people you follow.",
      contactEmail: "admin@localhost",
    },
    maxCharacters: 500,
    fanOut: { pullFromFollowers: 10_000, pushBelowFollowers: 8_000, switchOverlapMs: 30_000 },
    cacheMb: 512,
    timelines: { maxEntries: 800, maxInMemory: 50_000, idleDays: 30 },
    logLevel: "info",
  });
  expect(new Set(Object.values(sources))).toEqual(new Set(["default"]));
});

it("prefers flag to environment to .env", () => {
  const dotEnv = { PORT: "1", HOST: "one", SIGN_UPS: "closed" };
  const { config, sources } = loadConfig({ PORT: "2", HOST: "two" }, { PORT: "3" }, dotEnv);
  expect([config.port, config.host, config.signUps]).toEqual([3, "two", "closed"]);
  expect([sources.PORT, sources.HOST, sources.SIGN_UPS]).toEqual(["flag", "environment", ".env"]);
});

it("takes an empty value for none, and ignores what it doesn't know", () => {
  expect(loadConfig({ PORT: "", ROOST_SPEED: "high" }, {}, { PORT: "4000" }).config.port).toBe(4000);
});

it("follows PORT and PUBLIC_URL where nothing else is said", () => {
  expect(loadConfig({ PORT: "4000" }).config.publicUrl).toBe("http://localhost:4000");
  const { config } = loadConfig({ PUBLIC_URL: "https://Roost.example/", SMTP_URL: "smtp://mail" });
  expect(config.publicUrl).toBe("https://roost.example");
  expect(config.smtp).toEqual({ url: "smtp://mail", from: "Roost <no-reply@roost.example>" });
  expect(config.instance.contactEmail).toBe("admin@roost.example");
});

it("tells all mistakes at once", () => {
  const found = mistakes({ PORT: "x", SIGN_UPS: "x" }, { LOG_LEVEL: "x" }, { TIMELINE_IDLE_DAYS: "x" });
  expect(found.map((line) => line.split(" ")[0])).toEqual([
    "PORT",
    "LOG_LEVEL",
    "SIGN_UPS",
    "TIMELINE_IDLE_DAYS",
  ]);
  expect(found[1]).toContain("(a flag)");
  expect(found[3]).toContain("(.env)");
});

it("wants a direct address for each shard, or none", () => {
  const shards = { SHARD_URLS: "postgres://p/a,postgres://p/b" };
  expect(mistakes({ ...shards, SHARD_DIRECT_URLS: "postgres://d/a" })).toEqual([
    "SHARD_DIRECT_URLS has 1 address; expected one for each of SHARD_URLS, 2, in the same order",
  ]);
  const { config } = loadConfig({ ...shards, SHARD_DIRECT_URLS: "postgres://d/a,postgres://d/b" });
  expect(config.shards[1]).toEqual({ url: "postgres://p/b", directUrl: "postgres://d/b" });
  expect(loadConfig(shards).config.shards[1]?.directUrl).toBe("postgres://p/b");
});

it("keeps media in a bucket when it's told all of it, and says what is missing otherwise", () => {
  const keys = { accessKeyId: "me", secretAccessKey: "pw" };
  const { config } = loadConfig({ ...S3, S3_ENDPOINT: "http://s3:9000/" });
  expect(config.s3).toEqual({
    endpoint: "http://s3:9000",
    region: "us-east-1",
    bucket: "media",
    prefix: null,
    ...keys,
  });
  expect(mistakes({ S3_BUCKET: "media", S3_ACCESS_KEY_ID: "me" })).toEqual([
    "S3_SECRET_ACCESS_KEY isn't set; expected with S3_BUCKET",
  ]);
  expect(mistakes({ ...S3_KEYS, S3_ENDPOINT: "http://s3:9000" })).toEqual([
    "S3_BUCKET isn't set; expected with S3_ENDPOINT, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY",
  ]);
});

it("keeps the switch back to push below the switch to pull", () => {
  const [line, ...rest] = mistakes({ FAN_OUT_PUSH_BELOW_FOLLOWERS: "10000" });
  expect(line).toBe(
    'FAN_OUT_PUSH_BELOW_FOLLOWERS is "10000"; expected less than FAN_OUT_PULL_FROM_FOLLOWERS, 10000',
  );
  expect(rest).toEqual([]);
});

describe("a secret", () => {
  const dir = mkdtempSync(join(tmpdir(), "roost-config-"));
  const file = join(dir, "url");
  afterAll(() => rmSync(dir, { recursive: true }));
  writeFileSync(file, "postgres://roost:pw@db/roost\n");

  it.each<[string, Parameters<typeof loadConfig>]>([
    ["environment", [{ DATABASE_URL_FILE: file }]],
    [".env", [{}, {}, { DATABASE_URL_FILE: file }]],
    ["flag", [{}, { DATABASE_URL_FILE: file }]],
  ])("can be in a file named by: %s", (_, from) => {
    expect(loadConfig(...from).config.database).toMatchObject({
      kind: "external",
      url: "postgres://roost:pw@db/roost",
    });
  });

  it("is refused when its file is missing or empty", () => {
    const empty = join(dir, "empty");
    writeFileSync(empty, "\n");
    expect(mistakes({ SMTP_URL_FILE: join(dir, "none") })).toEqual([
      expect.stringContaining("doesn't exist"),
    ]);
    expect(mistakes({ SMTP_URL_FILE: empty })).toEqual([expect.stringContaining("is empty")]);
  });

  it("is refused when given twice in one place", () => {
    const both: Texts = { DATABASE_URL: "postgres://a/b", DATABASE_URL_FILE: file };
    expect(mistakes(both)).toEqual([expect.stringContaining("both set")]);
    expect(mistakes({ DATABASE_URL: "postgres://a/b" }, {}, { DATABASE_URL_FILE: file })).toEqual([]);
  });

  it("is not told when it is wrong", () => {
    expect(mistakes({ DATABASE_URL: "mysql://root:hunter2@db/x" }).join()).not.toContain("hunter2");
  });
});
