/** The table of settings: every one, its meaning, what it accepts, its default. */
import { isIP } from "node:net";
import { resolve } from "node:path";

export const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;

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

const postgres = url("postgres://user:password@host:port/name", ["postgres:", "postgresql:"]);

const redis: Form<string> = {
  expects:
    "redis://host:port, rediss://…, redis+sentinel://host:port,host:port/NAME or redis+cluster://host:port,host:port",
  parse: (value) =>
    /^(rediss?:\/\/[^\s,]+|redis\+(sentinel:\/\/[^\s/]+\/[^\s/]+|cluster:\/\/[^\s/]+))$/.test(value)
      ? value
      : undefined,
};

const brokers = listOf(
  text("host:port, separated by commas", /^[A-Za-z0-9._-]+:\d{1,5}$|^\[[0-9a-f:]+\]:\d{1,5}$/),
);

/** Several of a kind, separated by commas. */
function listOf(form: Form<string>): Form<string[]> {
  return {
    expects: form.expects.includes("separated")
      ? form.expects
      : `${form.expects}, one or more, separated by commas`,
    parse: (value) => {
      const items = value.split(",").map((item) => form.parse(item.trim()));
      return items.some((item) => item === undefined) ? undefined : (items as string[]);
    },
  };
}

const s3Endpoint: Form<string> = {
  expects: "an http or https address without user, query or fragment, such as https://s3.example.org",
  parse: (value) => {
    const parsed = urlOf(value);
    if (!parsed || !["http:", "https:"].includes(parsed.protocol)) return undefined;
    const { origin, pathname } = parsed;
    return parsed.href === `${origin}${pathname}` ? parsed.href.replace(/\/+$/, "") : undefined;
  },
};

/** No name begins with a dot: what is between the slashes of an address may not be "..". */
const S3_PREFIX_FORM = /^(?=.{1,200}$)[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/;

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
const ENGINES = "Engines";
const MEDIA = "Media";
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
  DRAIN_MS: row(SERVER, wholeNumber(0, 600_000), {
    doc: "How long a process that is told to stop goes on answering while /readyz says it isn't ready.",
    fallback: "0",
  }),
  DATA_DIR: row(SERVER, path, {
    doc: "Folder for everything that is kept: the embedded database, media, mail, logs.",
    fallback: "./data",
  }),
  LOG_LEVEL: row(SERVER, oneOf(...LOG_LEVELS), {
    doc: "Least severe kind of message that is logged.",
    fallback: "info",
  }),
  DATABASE_URL: row(DATABASE, postgres, {
    doc: "A PostgreSQL (15 or later) to use. Unset: Roost runs one of its own in DATA_DIR.",
    fallback: null,
    secret: true,
  }),
  DATABASE_POOL_SIZE: row(DATABASE, wholeNumber(2, 500), {
    doc: "Most connections to the database at a time.",
    fallback: "20",
  }),
  DATABASE_DIRECT_URL: row(DATABASE, postgres, {
    doc: "The same database past a pooler in transaction mode, for what needs a session: migrations, LISTEN, locks.",
    fallback: null,
    fallbackDoc: "DATABASE_URL",
    secret: true,
  }),
  DATABASE_REPLICA_URLS: row(DATABASE, listOf(postgres), {
    doc: "Streaming replicas that take reads as soon as they have replayed what the reader wrote, separated by commas.",
    fallback: null,
    secret: true,
  }),
  REPLICA_LAG_MS_MAX: row(DATABASE, wholeNumber(10, 600_000), {
    doc: "A replica further behind than this takes no reads until it has caught up.",
    fallback: "1000",
  }),
  SHARD_URLS: row(DATABASE, listOf(postgres), {
    doc: "Databases that hold what accounts own, separated by commas. Unset: DATABASE_URL holds everything.",
    fallback: null,
    secret: true,
  }),
  SHARD_DIRECT_URLS: row(DATABASE, listOf(postgres), {
    doc: "The same databases in the same order, past poolers in transaction mode: for migrations and moving shards.",
    fallback: null,
    fallbackDoc: "SHARD_URLS",
    secret: true,
  }),
  REDIS_URL: row(ENGINES, redis, {
    doc: "Redis for timelines, streams and limits, shared by all processes. Unset: each process has its own memory.",
    fallback: null,
    secret: true,
  }),
  REDIS_KEY_PREFIX: row(ENGINES, text("letters, digits, dots, dashes", /^[A-Za-z0-9._-]{1,50}$/), {
    doc: "Begins the name of every key and channel, so that several Roosts can share a Redis.",
    fallback: "roost",
  }),
  KAFKA_BROKERS: row(ENGINES, brokers, {
    doc: "Kafka brokers that carry events, host:port separated by commas. Unset: they are read from the database.",
    fallback: null,
  }),
  KAFKA_TOPIC_PREFIX: row(ENGINES, text("letters, digits, dots, dashes", /^[A-Za-z0-9._-]{1,100}$/), {
    doc: "Begins the name of every topic and consumer group, so that several Roosts can share a Kafka.",
    fallback: "roost",
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
  S3_BUCKET: row(MEDIA, text("the name of a bucket", /^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$/), {
    doc: "Bucket that media are kept in, in any store that speaks S3. Unset: they are kept in DATA_DIR.",
    fallback: null,
  }),
  S3_ENDPOINT: row(MEDIA, s3Endpoint, {
    doc: "Address of the store. Unset: Amazon's own for S3_REGION.",
    fallback: null,
  }),
  S3_REGION: row(MEDIA, text("letters, digits, dashes", /^[A-Za-z0-9-]{1,50}$/), {
    doc: "Region of the bucket; many stores that aren't Amazon's take any.",
    fallback: "us-east-1",
  }),
  S3_ACCESS_KEY_ID: row(MEDIA, text("printable characters without spaces", /^[!-~]{1,200}$/), {
    doc: "Who may list, read, write and delete in S3_BUCKET.",
    fallback: null,
    secret: true,
  }),
  S3_SECRET_ACCESS_KEY: row(MEDIA, text("printable characters without spaces", /^[!-~]{1,200}$/), {
    doc: "Signs requests to the store.",
    fallback: null,
    secret: true,
  }),
  S3_PREFIX: row(
    MEDIA,
    text("names of letters, digits, dots, dashes, with slashes between", S3_PREFIX_FORM),
    {
      doc: "Begins the name of every object, so that several Roosts can share a bucket.",
      fallback: null,
    },
  ),
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
  CACHE_MB: row(TIMELINES, wholeNumber(8, 1_000_000), {
    doc: "Memory of each process for posts, profiles and relations that were read lately, in MB.",
    // What isn't there is in Redis then, and there are many processes.
    fallback: (of) => (of("REDIS_URL").startsWith("redis") ? "32" : "512"),
    fallbackDoc: "32 with REDIS_URL, 512 without",
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
export type Values = { [N in SettingName]: (typeof settings)[N] extends Setting<infer T> ? T : never };

export const settingNames = Object.keys(settings) as SettingName[];

/** A setting's row, seen alike for all. */
export function settingOf(name: SettingName): Setting {
  return settings[name];
}

function hostOf(publicUrl: string): string {
  return urlOf(publicUrl)?.hostname ?? "localhost";
}
