/** Every setting, its meaning and its default. The only reader of the environment. */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { resolve } from "node:path";
import { parseEnv } from "node:util";

export interface Config {
  readonly host: string;
  readonly port: number;
  /** Absolute path. */
  readonly dataDir: string;
  /** Where people reach this server: scheme, host and port, no trailing slash. */
  readonly publicUrl: string;
  readonly database: { kind: "embedded" } | { kind: "external"; url: string };
  readonly databasePoolSize: number;
  readonly signUps: "open" | "closed";
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
  readonly timelines: {
    readonly maxEntries: number;
    readonly maxInMemory: number;
    readonly idleDays: number;
  };
  readonly logLevel: (typeof LOG_LEVELS)[number];
}

const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;

/** Values by setting name, as text: of the environment, of `.env`, or of flags. */
export type Texts = Readonly<Record<string, string | undefined>>;
export type SettingSource = "flag" | "environment" | ".env" | "default";

/** One row of the table. */
export interface Setting<T = unknown> {
  readonly group: string;
  readonly doc: string;
  /** Ends the sentence "… is "x"; expected". */
  readonly expects: string;
  /** Undefined for a text that isn't what is expected. */
  readonly parse: (text: string) => T | undefined;
  /** Null: may stay unset. A function: follows from other settings. */
  readonly fallback: string | null | ((text: (name: string) => string) => string);
  /** How documentation writes a default that is a function. */
  readonly fallbackDoc?: string;
  /** Never shown. May be given as a file that holds it, NAME_FILE; not as a flag, which others could see. */
  readonly secret?: boolean;
}

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

type Form<T> = Pick<Setting<T>, "expects" | "parse">;

function wholeNumber(min: number, max: number): Form<number> {
  return {
    expects: `a whole number from ${min} to ${max}`,
    parse: (text) => {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max ? value : undefined;
    },
  };
}

function oneOf<const T extends string>(...values: T[]): Form<T> {
  const expects = values.length === 2 ? values.join(" or ") : `one of ${values.join(", ")}`;
  return { expects, parse: (text) => values.find((value) => value === text) };
}

function text(expects: string, form: RegExp): Form<string> {
  return { expects, parse: (value) => (form.test(value) ? value : undefined) };
}

function url(expects: string, schemes: readonly string[]): Form<string> {
  return {
    expects,
    parse: (value) => (schemes.includes(urlOf(value)?.protocol ?? "") ? value : undefined),
  };
}

function urlOf(value: string): URL | null {
  return URL.canParse(value) ? new URL(value) : null;
}

const origin: Form<string> = {
  expects: "an http or https address without a path, such as https://roost.example",
  parse: (value) => {
    const parsed = urlOf(value);
    if (!parsed || !["http:", "https:"].includes(parsed.protocol)) return undefined;
    return parsed.href === `${parsed.origin}/` ? parsed.origin : undefined;
  },
};

const proxies: Form<string[]> = {
  expects: "IP addresses or CIDR ranges, separated by commas, such as 10.0.0.0/8",
  parse: (value) => {
    const ranges = value.split(",").map((range) => range.trim());
    return ranges.every(isRange) ? ranges : undefined;
  },
};

function isRange(range: string): boolean {
  const [address = "", bits, ...rest] = range.split("/");
  const width = isIP(address) === 4 ? 32 : 128;
  if (isIP(address) === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= width);
}

const path: Form<string> = { expects: "a path", parse: (value) => resolve(value) };
const email = text("an e-mail address", /^[^\s@<>]+@[^\s@<>]+$/);
const sender = text(
  'an e-mail address, with or without a name: "Roost <roost@example.org>"',
  /^([^<>\r\n]*<[^\s@<>]+@[^\s@<>]+>|[^\s@<>]+@[^\s@<>]+)$/,
);

function row<T>(group: string, form: Form<T>, rest: Omit<Setting<T>, "group" | keyof Form<T>>): Setting<T> {
  return { group, ...form, ...rest };
}

const SERVER = "Server";
const DATABASE = "Database";
const PEOPLE = "People";
const MAIL = "Mail";
const TIMELINES = "Timelines";

const settings = {
  PORT: row(SERVER, wholeNumber(0, 65_535), {
    doc: "Port to listen on. 0 takes any free one.",
    fallback: "3000",
  }),
  HOST: row(SERVER, text("a host name or an IP address", /^[A-Za-z0-9._:%-]+$/), {
    doc: "Address to listen on. The default is reachable from this machine only; 0.0.0.0 or :: opens it to all.",
    fallback: "localhost",
  }),
  PUBLIC_URL: row(SERVER, origin, {
    doc: "Where people reach this server: scheme, host and port. Links, cookies and sign-in depend on it.",
    fallback: (of) => `http://localhost:${of("PORT")}`,
    fallbackDoc: "http://localhost:PORT",
  }),
  TRUSTED_PROXIES: row(SERVER, proxies, {
    doc: "Proxies in front of Roost whose X-Forwarded-For and X-Forwarded-Proto are believed.",
    fallback: null,
  }),
  DATA_DIR: row(SERVER, path, {
    doc: "Folder for everything that is kept: the embedded database, media, mail, logs.",
    fallback: "./data",
  }),
  LOG_LEVEL: row(SERVER, oneOf(...LOG_LEVELS), {
    doc: "Least severe kind of message that is logged.",
    fallback: "info",
  }),
  DATABASE_URL: row(DATABASE, url("postgres://user:password@host:port/name", ["postgres:", "postgresql:"]), {
    doc: "A PostgreSQL (15 or later) to use. Unset: Roost runs one of its own in DATA_DIR.",
    fallback: null,
    secret: true,
  }),
  DATABASE_POOL_SIZE: row(DATABASE, wholeNumber(2, 500), {
    doc: "Most connections to the database at a time.",
    fallback: "20",
  }),
  INSTANCE_TITLE: row(PEOPLE, text("1 to 100 characters on one line", /^[^\r\n]{1,100}$/), {
    doc: "Name of this server.",
    fallback: "Roost",
  }),
  INSTANCE_DESCRIPTION: row(PEOPLE, text("1 to 1000 characters", /^[\s\S]{1,1000}$/), {
    doc: "What this server is about, in a sentence or two.",
    fallback: "A home for the people you follow.",
  }),
  CONTACT_EMAIL: row(PEOPLE, email, {
    doc: "Whom people can write to about this server.",
    fallback: (of) => `admin@${hostOf(of("PUBLIC_URL"))}`,
    fallbackDoc: "admin@ and the host of PUBLIC_URL",
  }),
  SIGN_UPS: row(PEOPLE, oneOf("open", "closed"), {
    doc: "Whether people can make an account. Closed: only `roost accounts create` does.",
    fallback: "open",
  }),
  RATE_LIMITS: row(PEOPLE, oneOf("on", "off"), {
    doc: "Whether requests are limited by account and address. Off only for measurements.",
    fallback: "on",
  }),
  MAX_CHARACTERS: row(PEOPLE, wholeNumber(1, 100_000), {
    doc: "Longest post, in characters.",
    fallback: "500",
  }),
  SMTP_URL: row(MAIL, url("smtp://user:password@host:port, or smtps://", ["smtp:", "smtps:"]), {
    doc: "Server that sends mail. Unset: mail is not sent but kept in DATA_DIR, to be read there.",
    fallback: null,
    secret: true,
  }),
  MAIL_FROM: row(MAIL, sender, {
    doc: "Sender of mail.",
    fallback: (of) => `Roost <no-reply@${hostOf(of("PUBLIC_URL"))}>`,
    fallbackDoc: "Roost <no-reply@ and the host of PUBLIC_URL>",
  }),
  FAN_OUT_PULL_FROM_FOLLOWERS: row(TIMELINES, wholeNumber(1, 1e12), {
    doc: "Posts of an author with this many followers are merged when a timeline is read, not delivered to each.",
    fallback: "10000",
  }),
  FAN_OUT_PUSH_BELOW_FOLLOWERS: row(TIMELINES, wholeNumber(1, 1e12), {
    doc: "Below this many followers such an author is delivered again. Less than FAN_OUT_PULL_FROM_FOLLOWERS.",
    fallback: "8000",
  }),
  FAN_OUT_SWITCH_OVERLAP_MS: row(TIMELINES, wholeNumber(0, 3_600_000), {
    doc: "How long both ways are used when an author changes from one to the other.",
    fallback: "30000",
  }),
  TIMELINE_MAX_ENTRIES: row(TIMELINES, wholeNumber(40, 10_000), {
    doc: "Entries of a home timeline that are kept ready. Older ones are read from the database.",
    fallback: "800",
  }),
  TIMELINES_IN_MEMORY: row(TIMELINES, wholeNumber(1, 100_000_000), {
    doc: "Home timelines that are kept ready; the least recently read give way.",
    fallback: "50000",
  }),
  TIMELINE_IDLE_DAYS: row(TIMELINES, wholeNumber(1, 3_650), {
    doc: "Days without a read after which a timeline is no longer kept ready; it is rebuilt at the next read.",
    fallback: "30",
  }),
};

export type SettingName = keyof typeof settings;
type Values = { [N in SettingName]: (typeof settings)[N] extends Setting<infer T> ? T : never };

export const settingNames = Object.keys(settings) as SettingName[];

/** A setting's row, seen alike for all. */
export function settingOf(name: SettingName): Setting {
  return settings[name];
}

function hostOf(publicUrl: string): string {
  return urlOf(publicUrl)?.hostname ?? "localhost";
}

export interface LoadedConfig {
  readonly config: Config;
  readonly sources: Readonly<Record<SettingName, SettingSource>>;
  readonly effective: readonly EffectiveSetting[];
}

/** Flags win over the environment, it over `.env`, that over the defaults. Empty texts count as unset. */
export function loadConfig(environment: Texts, flags: Texts = {}, dotEnv: Texts = {}): LoadedConfig {
  const mistakes: string[] = [];
  const values: Partial<Record<SettingName, unknown>> = {};
  const effective = settingNames.map((name): EffectiveSetting => {
    const given = find(name, { flag: flags, environment, ".env": dotEnv }, mistakes);
    const { parse, expects, secret, fallback } = settingOf(name);
    const standard =
      typeof fallback === "function" ? fallback((other) => `${values[other as SettingName]}`) : fallback;
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
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  const sources = Object.fromEntries(effective.map(({ name, source }) => [name, source]));
  return { config: assemble(checked), sources: sources as LoadedConfig["sources"], effective };
}

/** As `loadConfig`, from this process's environment and the `.env` file of the folder it runs in. */
export function loadConfigHere(flags: Texts = {}): LoadedConfig {
  return loadConfig(process.env, flags, readDotEnv(resolve(".env")));
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
    dataDir: values.DATA_DIR,
    publicUrl: values.PUBLIC_URL,
    database: values.DATABASE_URL ? { kind: "external", url: values.DATABASE_URL } : { kind: "embedded" },
    databasePoolSize: values.DATABASE_POOL_SIZE,
    signUps: values.SIGN_UPS,
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
    timelines: {
      maxEntries: values.TIMELINE_MAX_ENTRIES,
      maxInMemory: values.TIMELINES_IN_MEMORY,
      idleDays: values.TIMELINE_IDLE_DAYS,
    },
    logLevel: values.LOG_LEVEL,
  };
}
