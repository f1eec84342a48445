/** What each setting of an engine is refused for at start: one line, the address without its password, and exit 78, or 69 when nobody answers. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
    for (const what of ["nothing", "postgres", "replica", "stranger", "pooler"])
      ports[what] = await freePort();
    opened.defer(async () => {
      for (const name of ["pg-2", "pg", "stranger"]) await find(folder, name)?.stop(5_000, "SIGINT");
    });
    const databases = ["roost", "other", "shard", "later"];
    const nodes = [ports.postgres ?? 0, ports.replica ?? 0];
    await Promise.all([
      startPlainPostgres({ folder, ports: nodes, names: ["pg", "pg-2"], databases }),
      startPlainPostgres({ folder, ports: [ports.stranger ?? 0], names: ["stranger"], databases: ["roost"] }),
    ]);
    const pooler = { folder, port: ports.pooler ?? 0, postgresPort: ports.postgres ?? 0 };
    await startPgBouncer({ name: "pgbouncer", ...pooler, serverConnections: 10 });
    opened.defer(async () => void (await find(folder, "pgbouncer")?.stop(5_000, "SIGINT")));
    await query(
      "create role weak login",
      "create role locked login password 'another'",
      "create database latin encoding 'LATIN1' locale 'C' template template0",
    );
    for (const name of ["pg", "pg-2"]) {
      const rules = join(folder, name, "pg_hba.conf");
      writeFileSync(rules, `host all locked all scram-sha-256\n${readFileSync(rules, "utf8")}`);
    }
    for (const what of ["postgres", "replica"]) await queryAt(what, "select pg_reload_conf()");
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
    for (const statement of statements) await queryAt("postgres", statement);
  }

  async function queryAt(what: string, statement: string): Promise<unknown> {
    const client = new pg.Client(postgres(what));
    await client.connect();
    try {
      return (await client.query(statement)).rows[0];
    } finally {
      await client.end();
    }
  }

  type Settings = Readonly<Record<string, string>>;
  const cases: readonly (readonly [why: string, settings: () => Settings, says: RegExp])[] = [
    ...["DATABASE_URL", "DATABASE_DIRECT_URL", "SHARD_URLS", "DATABASE_REPLICA_URLS"].flatMap((setting) => {
      const named = (what: string, name?: string, user?: string) => () => ({
        [setting]: postgres(what, name, user),
      });
      const says = (text: string) => new RegExp(`^${setting} names 127\\.0\\.0\\.1:\\d+/\\w+, ${text}\\.$`);
      const isNone = says(
        "which doesn't answer as a PostgreSQL does: correct the address, or look why it hangs",
      );
      const keepsOut = says("which refuses to let us in: correct the user or the password");
      const ofAll = [
        [`${setting}: a web server there`, named("web"), isNone],
        [`${setting}: unknown to it`, named("postgres", "roost", `nobody:${SECRET}`), keepsOut],
        [`${setting}: another password`, named("postgres", "roost", `locked:${SECRET}`), keepsOut],
        [`${setting}: a password is needed`, named("postgres", "roost", "locked"), keepsOut],
        [
          `${setting}: no such database`,
          named("postgres", "none"),
          says("which has no such database: create it, or correct its name"),
        ],
        [
          `${setting}: an old PostgreSQL`,
          named("oldPostgres"),
          says("a PostgreSQL 12: version 15 or later is needed"),
        ],
        [
          `${setting}: not UTF-8`,
          named("postgres", "latin"),
          says("a database that keeps text as LATIN1: create one with encoding 'UTF8'"),
        ],
      ] as const;
      // The others do without one that is away.
      if (setting === "DATABASE_REPLICA_URLS") return ofAll;
      const direct = `${setting === "SHARD_URLS" ? "SHARD_DIRECT_URLS" : "DATABASE_DIRECT_URL"}`;
      return [
        ...ofAll,
        [
          `${setting}: nobody there`,
          named("nothing"),
          says("where nothing listens: start PostgreSQL, or correct the address"),
        ],
        [`${setting}: Redis there`, named("redis"), isNone],
        [
          `${setting}: no tables allowed`,
          named("postgres", "other", `weak:${SECRET}`),
          says(
            "where weak may make no tables: make weak the owner of the database, or grant create on its schema public",
          ),
        ],
        [
          `${setting}: a pooler`,
          named("pooler"),
          says(`a pooler in transaction mode: name PostgreSQL itself in ${direct}`),
        ],
      ] as const;
    }),
    [
      "DATABASE_URL: it takes connections and says nothing",
      () => ({ DATABASE_URL: postgres("silent", "roost", `roost:${SECRET}`) }),
      /^DATABASE_URL names 127\.0\.0\.1:\d+\/roost, which doesn't answer as a PostgreSQL does: correct the address, or look why it hangs\.$/,
    ],
    [
      "DATABASE_REPLICA_URLS: a PostgreSQL that is no replica",
      () => ({ DATABASE_REPLICA_URLS: postgres("stranger", "roost", `roost:${SECRET}`) }),
      /^DATABASE_REPLICA_URLS names .*\/roost, which is no replica of the PostgreSQL that DATABASE_URL names: name replicas of that one, or unset DATABASE_REPLICA_URLS\.$/,
    ],
    [
      "DATABASE_REPLICA_URLS: another database, beside a right one and one that is away",
      () => ({
        DATABASE_REPLICA_URLS: [
          postgres("nothing", "roost", `roost:${SECRET}`),
          postgres("replica"),
          postgres("replica", "other"),
        ].join(","),
      }),
      /^DATABASE_REPLICA_URLS names .*\/other, which is another database than roost, which DATABASE_URL names: name the same one, on a replica\.$/,
    ],
    [
      "DATABASE_URL: a pooler that hasn't the database",
      () => ({ DATABASE_URL: postgres("pooler", "none"), DATABASE_DIRECT_URL: postgres("postgres") }),
      /^DATABASE_URL names .*\/none, which has no such database: create it, or correct its name\.$/,
    ],
    [
      "DATABASE_DIRECT_URL: another database",
      () => ({ DATABASE_DIRECT_URL: postgres("postgres", "other") }),
      /^DATABASE_DIRECT_URL names .*\/other where DATABASE_URL names .*\/roost, which is another database: name the same ones, in the same order\.$/,
    ],
    [
      "SHARD_DIRECT_URLS: nobody there",
      () => ({
        SHARD_URLS: postgres("pooler", "shard"),
        SHARD_DIRECT_URLS: postgres("nothing", "shard", `roost:${SECRET}`),
      }),
      /^SHARD_DIRECT_URLS names .*\/shard, where nothing listens: start PostgreSQL, or correct the address\.$/,
    ],
    ...(["redis", "redis+sentinel", "redis+cluster"] as const).flatMap((scheme) => {
      const path = scheme === "redis+sentinel" ? "/mine" : "";
      const named = (what: string) => () => ({ REDIS_URL: redis(what, scheme, `:${SECRET}@`, path) });
      const says = (text: string) =>
        new RegExp(
          `^REDIS_URL names ${scheme.replace("+", "\\+")}://127\\.0\\.0\\.1:\\d+${path}, ${text}: ${way}\\.$`,
        );
      const way = "start it or correct the address, or unset REDIS_URL to do without";
      return [
        [`${scheme}: nobody there`, named("nothing"), says("where nothing listens")],
        [`${scheme}: PostgreSQL there`, named("postgres"), says("which doesn't answer as Redis does")],
        [`${scheme}: a web server there`, named("web"), says("which doesn't answer as Redis does")],
        [`${scheme}: no answer`, named("silent"), says("which doesn't answer")],
      ] as const;
    }),
    [
      "an old Redis",
      () => ({ REDIS_URL: redis("oldRedis") }),
      /, which is Redis 6\.2\.1: use Redis 7 or later, or Valkey\.$/,
    ],
    [
      "a Redis with another password",
      () => ({ REDIS_URL: redis("locked", "redis", `:${SECRET}@`) }),
      /which refuses user or password: correct them in REDIS_URL\.$/,
    ],
    [
      "a Redis with too few databases",
      () => ({ REDIS_URL: redis("redis", "redis", "", "/99") }),
      /^REDIS_URL names .*, which has no database 99: correct its number\.$/,
    ],
    [
      "a server for a cluster",
      () => ({ REDIS_URL: redis("redis", "redis+cluster") }),
      /^REDIS_URL names .*, which is no cluster: write redis:\/\/host:port\.$/,
    ],
    [
      "a sentinel for a server",
      () => ({ REDIS_URL: redis("sentinel") }),
      /which is a sentinel: write redis\+sentinel:\/\/host:port\/NAME\.$/,
    ],
    [
      "a group that no sentinel watches",
      () => ({ REDIS_URL: redis("sentinel", "redis+sentinel", "", "/none") }),
      /, whose sentinels watch no group "none": name the one of `sentinel monitor` in their configuration\.$/,
    ],
    [
      "a database of a later version",
      () => ({ DATABASE_URL: postgres("postgres", "later") }),
      /^The schema of 127\.0\.0\.1:\d+\/later is newer than this Roost, which doesn't know 9999-later: use the Roost that made it, or a later one\.$/,
    ],
    [
      "a shard of a later version",
      () => ({ SHARD_URLS: postgres("postgres", "later", `roost:${SECRET}`) }),
      /^The schema of 127\.0\.0\.1:\d+\/later is newer than this Roost, which doesn't know 9999-later: use the Roost that made it, or a later one\.$/,
    ],
    ...["nothing", "web", "postgres", "silent"].map(
      (what) =>
        [
          `KAFKA_BROKERS: ${what} there`,
          () => ({ KAFKA_BROKERS: `127.0.0.1:${ports[what]}` }),
          new RegExp(
            `^Kafka can't be used at 127\\.0\\.0\\.1:\\d+ \\(KAFKA_BROKERS\\): ${
              what === "nothing" ? ".*ECONNREFUSED.*" : "nothing there answers as Kafka does"
            }: start it, correct the address, or unset KAFKA_BROKERS to read events from the database\\.$`,
          ),
        ] as const,
    ),
  ];

  async function open(settings: Settings): Promise<{ outcome: unknown; tookMs: number; warnings: string[] }> {
    const base = { DATABASE_URL: postgres("postgres"), REDIS_URL: redis("redis"), DATA_DIR: folder };
    const { config } = loadConfig({ ...base, ...settings });
    const warnings: string[] = [];
    const log = createLogger("warn", { write: (line) => void warnings.push(JSON.parse(line).why) });
    await using engines = new AsyncDisposableStack();
    const startedMs = performance.now();
    const opening = openEngines(config, { roles: ["fanout"], log }, engines);
    const outcome = await opening.then(
      () => "it started",
      (error: unknown) => error,
    );
    return { outcome, tookMs: performance.now() - startedMs, warnings };
  }

  async function isRefused(why: string, settings: () => Settings, says: RegExp): Promise<void> {
    const { exitCode, lines } = explain((await open(settings())).outcome);
    expect(lines).toEqual([expect.stringMatching(says)]);
    // The settings may be right, but nobody answers: 69. What answers and can't be used: 78.
    const isAway =
      /where nothing listens|doesn't answer: |why it hangs|ECONNREFUSED/.test(lines.join()) &&
      !/_URLS?: a web server there/.test(why);
    expect(exitCode).toBe(isAway ? 69 : 78);
    expect(lines.join()).not.toContain(SECRET);
  }

  // Seconds each until nobody waits any longer, and nothing else to do meanwhile.
  const isSilence = ([why]: (typeof cases)[number]) => /Redis there|says nothing|no answer|silent/.test(why);
  test.concurrent.each(cases.filter(isSilence))("%s", isRefused);
  test.each(cases.filter((one) => !isSilence(one)))("%s", isRefused);

  describe("but not for replicas", () => {
    test("that are the primary or have what it has", async () => {
      const replicas = ["postgres", "replica"].map((what) => postgres(what)).join(",");
      const started = await open({ DATABASE_REPLICA_URLS: replicas });
      expect(started).toMatchObject({ outcome: "it started", warnings: [] });
    });

    test("that are away: the log names setting and address, without the password", async () => {
      const url = postgres("nothing", "roost", `roost:${SECRET}`);
      const started = await open({ DATABASE_REPLICA_URLS: `${url},${postgres("replica")}` });
      const why = `DATABASE_REPLICA_URLS names 127.0.0.1:${ports.nothing}/roost, where nothing listens: start PostgreSQL, or correct the address`;
      expect(started).toMatchObject({ outcome: "it started", warnings: [why] });
    });

    test("that hang: the start waits for all of them together, and not for long", async () => {
      const names = ["a", "b", "c", "d", "e"];
      const urls = names.map((name) => postgres("silent", name));
      const started = await open({ DATABASE_REPLICA_URLS: urls.join(",") });
      // A second; one after the other, five.
      expect(started.tookMs).toBeLessThan(4_000);
      expect(started.outcome).toBe("it started");
      expect(started.warnings).toEqual(
        names.map((name) =>
          expect.stringMatching(new RegExp(`/${name}, which doesn't answer as a PostgreSQL`)),
        ),
      );
    });

    test("that haven't replayed the making of the database", async () => {
      await queryAt("replica", "select pg_wal_replay_pause()");
      try {
        await query("create database newer");
        const settings = {
          DATABASE_URL: postgres("postgres", "newer"),
          DATABASE_REPLICA_URLS: postgres("replica", "newer"),
        };
        const started = await open(settings);
        expect(started).toMatchObject({
          outcome: "it started",
          warnings: [
            expect.stringMatching(/^DATABASE_REPLICA_URLS names .*\/newer, which has no such database: /),
          ],
        });
      } finally {
        await queryAt("replica", "select pg_wal_replay_resume()");
      }
    });
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
