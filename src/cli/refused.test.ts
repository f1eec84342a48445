/** What each setting of an engine is refused for at start: one line, the address without its password, and exit 78. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasPgBouncer, startPgBouncer } from "../cluster/pgbouncer.ts";
import { postgresPrograms, startPlainPostgres } from "../cluster/plain-postgres.ts";
import { find, freePort } from "../cluster/process.ts";
import { askRedis, hasRedis, startRedis } from "../cluster/redis.ts";
import { openEngines } from "../composition/engines.ts";
import { loadConfig } from "../config.ts";
import { createLogger } from "../core/telemetry/log.ts";
import { Database } from "../engines/database/pools.ts";
import { explain } from "./failure.ts";

const isInstalled = hasPgBouncer() && postgresPrograms() !== null && hasRedis();
const SECRET = "hunter2";

describe.runIf(isInstalled)("a start is refused (needs pgbouncer, postgresql and redis-server)", () => {
  const folder = mkdtempSync(join(tmpdir(), "roost-refused-"));
  const opened = new AsyncDisposableStack();
  /** What listens where, by what it is. */
  const ports: Record<string, number> = {};
  const postgres = (what: string, name = "roost", user = "roost") =>
    `postgres://${user}@127.0.0.1:${ports[what]}/${name}`;
  const redis = (what: string, scheme = "redis", user = "", path = "") =>
    `${scheme}://${user}127.0.0.1:${ports[what]}${path}`;

  beforeAll(async () => {
    chmodSync(folder, 0o755);
    for (const what of ["nothing", "postgres", "pooler"]) ports[what] = await freePort();
    const databases = ["roost", "other", "shard", "later"];
    await startPlainPostgres({ folder, ports: [ports.postgres ?? 0], names: ["pg"], databases });
    opened.defer(async () => void (await find(folder, "pg")?.stop(5_000, "SIGINT")));
    const pooler = { folder, port: ports.pooler ?? 0, postgresPort: ports.postgres ?? 0 };
    await startPgBouncer({ name: "pgbouncer", ...pooler, serverConnections: 10 });
    opened.defer(async () => void (await find(folder, "pgbouncer")?.stop(5_000, "SIGINT")));
    await query(
      "create role weak login",
      "create database latin encoding 'LATIN1' locale 'C' template template0",
    );
    const later = new Database({
      connection: { connectionString: postgres("postgres", "later") },
      poolSize: 1,
      statementTimeoutMs: 10_000,
      log: () => {},
    });
    await later.migrate();
    await sql`insert into kysely_migration values ('9999-later', '')`.execute(later.db);
    await later[Symbol.asyncDispose]();
    for (const [what, form] of [
      ["redis", "single"],
      ["locked", "single"],
      ["sentinel", "sentinel"],
    ] as const) {
      const servers = opened.use(await startRedis({ form, folder: join(folder, what) }));
      ports[what] = Number(servers.url.match(/:(\d+)/)?.[1]);
    }
    await askRedis(ports.locked ?? 0, "config", "set", "requirepass", "another");
    ports.web = await listening(createHttpServer((_, answer) => answer.end("<html>")));
    ports.silent = await listening(createServer(() => {}));
    ports.oldPostgres = await listening(createServer(oldPostgres));
    ports.oldRedis = await listening(createServer(oldRedis));
  }, 60_000);
  afterAll(async () => {
    await opened.disposeAsync();
    rmSync(folder, { recursive: true, force: true });
  });

  async function listening(server: Server): Promise<number> {
    const sockets = new Set<Socket>();
    server.on("connection", (socket) => sockets.add(socket.on("error", () => {})));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    opened.defer(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return (server.address() as AddressInfo).port;
  }

  async function query(...statements: string[]): Promise<void> {
    const client = new pg.Client(postgres("postgres"));
    await client.connect();
    for (const statement of statements) await client.query(statement);
    await client.end();
  }

  type Settings = Readonly<Record<string, string>>;
  const cases: readonly (readonly [why: string, settings: () => Settings, says: RegExp])[] = [
    ...["DATABASE_URL", "DATABASE_DIRECT_URL", "SHARD_URLS"].flatMap((setting) => {
      const named = (what: string, name?: string, user?: string) => () => ({
        [setting]: postgres(what, name, user),
      });
      const says = (text: string) => new RegExp(`^${setting} names 127\\.0\\.0\\.1:\\d+/\\w+, ${text}`);
      return [
        [`${setting}: nobody there`, named("nothing"), says("where nothing listens: start PostgreSQL")],
        [`${setting}: Redis there`, named("redis"), says("which doesn't answer as a PostgreSQL does")],
        [`${setting}: a web server there`, named("web"), says("which doesn't answer as a PostgreSQL does")],
        [
          `${setting}: unknown to it`,
          named("postgres", "roost", `nobody:${SECRET}`),
          says("which refuses to let us in"),
        ],
        [`${setting}: no such database`, named("postgres", "none"), says("which has no such database")],
        [`${setting}: an old PostgreSQL`, named("oldPostgres"), says("a PostgreSQL 12: version 15 or later")],
        [`${setting}: not UTF-8`, named("postgres", "latin"), says("a database that keeps text as LATIN1")],
        [
          `${setting}: no tables allowed`,
          named("postgres", "other", `weak:${SECRET}`),
          says("where weak may make no tables: make weak the owner"),
        ],
        [
          `${setting}: a pooler`,
          named("pooler"),
          says(
            `a pooler in transaction mode: name PostgreSQL itself in ${setting === "SHARD_URLS" ? "SHARD" : "DATABASE"}_DIRECT_URL`,
          ),
        ],
      ] as const;
    }),
    [
      "DATABASE_URL: a pooler that hasn't the database",
      () => ({ DATABASE_URL: postgres("pooler", "none"), DATABASE_DIRECT_URL: postgres("postgres") }),
      /^DATABASE_URL names .*\/none, which has no such database/,
    ],
    [
      "DATABASE_DIRECT_URL: another database",
      () => ({ DATABASE_DIRECT_URL: postgres("postgres", "other") }),
      /^DATABASE_DIRECT_URL names .*\/other where DATABASE_URL names .*\/roost, which is another database/,
    ],
    [
      "SHARD_DIRECT_URLS: nobody there",
      () => ({
        SHARD_URLS: postgres("pooler", "shard"),
        SHARD_DIRECT_URLS: postgres("nothing", "shard", `roost:${SECRET}`),
      }),
      /^SHARD_DIRECT_URLS names .*\/shard, where nothing listens/,
    ],
    ...(["redis", "redis+sentinel", "redis+cluster"] as const).flatMap((scheme) => {
      const path = scheme === "redis+sentinel" ? "/mine" : "";
      const named = (what: string) => () => ({ REDIS_URL: redis(what, scheme, `:${SECRET}@`, path) });
      const says = (text: string) =>
        new RegExp(`^REDIS_URL names ${scheme.replace("+", "\\+")}://127\\.0\\.0\\.1:\\d+${path}, ${text}`);
      return [
        [`${scheme}: nobody there`, named("nothing"), says("where nothing listens: start it")],
        [`${scheme}: PostgreSQL there`, named("postgres"), says("which doesn't answer as Redis does: ")],
        [`${scheme}: a web server there`, named("web"), says("which doesn't answer as Redis does: ")],
        [`${scheme}: no answer`, named("silent"), says("which doesn't answer: ")],
      ] as const;
    }),
    [
      "an old Redis",
      () => ({ REDIS_URL: redis("oldRedis") }),
      /, which is Redis 6\.2\.1: use Redis 7 or later/,
    ],
    [
      "a Redis with another password",
      () => ({ REDIS_URL: redis("locked", "redis", `:${SECRET}@`) }),
      /which refuses user or password: correct them in REDIS_URL/,
    ],
    [
      "a Redis with too few databases",
      () => ({ REDIS_URL: redis("redis", "redis", "", "/99") }),
      /no database 99/,
    ],
    ["a server for a cluster", () => ({ REDIS_URL: redis("redis", "redis+cluster") }), /which is no cluster/],
    [
      "a sentinel for a server",
      () => ({ REDIS_URL: redis("sentinel") }),
      /which is a sentinel: write redis\+sentinel:/,
    ],
    [
      "a group that no sentinel watches",
      () => ({ REDIS_URL: redis("sentinel", "redis+sentinel", "", "/none") }),
      /whose sentinels watch no group "none"/,
    ],
    [
      "a database of a later version",
      () => ({ DATABASE_URL: postgres("postgres", "later") }),
      /^The schema of 127\.0\.0\.1:\d+\/later is newer than this Roost, which doesn't know 9999-later: use the Roost/,
    ],
    [
      "a shard of a later version",
      () => ({ SHARD_URLS: postgres("postgres", "later", `roost:${SECRET}`) }),
      /^The schema of 127\.0\.0\.1:\d+\/later is newer than this Roost/,
    ],
    ...["nothing", "web", "postgres", "silent"].map(
      (what) =>
        [
          `KAFKA_BROKERS: ${what} there`,
          () => ({ KAFKA_BROKERS: `127.0.0.1:${ports[what]}` }),
          what === "nothing"
            ? /^Kafka can't be used at 127\.0\.0\.1:\d+ \(KAFKA_BROKERS\): .*ECONNREFUSED.*: start it, correct/
            : /^Kafka can't be used at .* \(KAFKA_BROKERS\): nothing there answers as Kafka does: start it/,
        ] as const,
    ),
  ];

  test.each(cases)("%s", async (_, settings, says) => {
    const base = { DATABASE_URL: postgres("postgres"), REDIS_URL: redis("redis"), DATA_DIR: folder };
    const { config } = loadConfig({ ...base, ...settings() });
    await using engines = new AsyncDisposableStack();
    const opening = openEngines(config, { roles: ["fanout"], log: createLogger("silent") }, engines);
    const { exitCode, lines } = explain(
      await opening.then(
        () => "it started",
        (error: unknown) => error,
      ),
    );
    expect(lines).toEqual([expect.stringMatching(says)]);
    expect(exitCode).toBe(78);
    expect(lines.join()).not.toContain(SECRET);
  });
});

/** As much of PostgreSQL's protocol as it takes to say which version it is. */
function oldPostgres(socket: Socket): void {
  const message = (kind: string, ...parts: (string | number | Buffer)[]) => {
    const body = Buffer.concat(
      parts.map((part) => {
        if (typeof part !== "number") return typeof part === "string" ? Buffer.from(`${part}\0`) : part;
        const number = Buffer.alloc(4);
        number.writeInt32BE(part);
        return number;
      }),
    );
    const head = Buffer.alloc(5);
    head.write(kind);
    head.writeInt32BE(body.length + 4, 1);
    return Buffer.concat([head, body]);
  };
  const idle = message("Z", Buffer.from("I"));
  const short = (value: number) => Buffer.from([value >> 8, value & 255]);
  const values = { version: "120022", encoding: "UTF8", role: "roost", pid: "1", may_create: "t" };
  const text = (name: string) => [name, 0, short(0), 25, short(-1 & 0xffff), -1, short(0)];
  const described = message("T", short(5), ...Object.keys(values).flatMap(text));
  const row = Object.values(values).flatMap((value) => [value.length, Buffer.from(value)]);
  const answer = Buffer.concat([described, message("D", short(5), ...row), message("C", "SELECT 1"), idle]);
  socket.once("data", () => {
    socket.write(Buffer.concat([message("R", 0), idle]));
    socket.on("data", (asked) => asked.toString().startsWith("Q") && socket.write(answer));
  });
}

function oldRedis(socket: Socket): void {
  const info = "redis_version:6.2.1\r\nredis_mode:standalone\r\ncluster_enabled:0\r\n";
  socket.on("data", (asked) =>
    socket.write(/info/i.test(`${asked}`) ? `$${info.length}\r\n${info}\r\n` : "+OK\r\n"),
  );
}
