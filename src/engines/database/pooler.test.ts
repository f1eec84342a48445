/** Behind PgBouncer in transaction mode: any transaction may come to any session. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasPgBouncer, startPgBouncer } from "../../cluster/pgbouncer.ts";
import { postgresPrograms, startPlainPostgres } from "../../cluster/plain-postgres.ts";
import { find, freePort } from "../../cluster/process.ts";
import { LOGICAL_SHARDS, makeId } from "../../core/ids.ts";
import { listenForInvalidation, notifyInvalidation } from "./invalidation-channel.ts";
import { Database } from "./pools.ts";
import { openShards } from "./shard-map.ts";

const SERVER_CONNECTIONS = 20;
const CLIENTS = 1_000;
const QUERIES_EACH = 10;
const isInstalled = hasPgBouncer() && postgresPrograms() !== null;

describe.runIf(isInstalled)("behind PgBouncer (needs pgbouncer and postgresql)", () => {
  const folder = mkdtempSync(join(tmpdir(), "roost-pooler-"));
  let direct: { connectionString: string };
  let pooled: { connectionString: string };
  /** Of any database on the server. */
  let addressOf: (name: string) => { url: string; directUrl: string };

  beforeAll(async () => {
    chmodSync(folder, 0o755);
    const [postgresPort, port] = [await freePort(), await freePort()];
    await startPlainPostgres({
      folder,
      ports: [postgresPort],
      names: ["pg"],
      databases: ["roost", "main", "one", "two"],
    });
    await startPgBouncer({
      name: "pgbouncer",
      folder,
      port,
      postgresPort,
      serverConnections: SERVER_CONNECTIONS,
    });
    addressOf = (name) => ({
      url: `postgres://roost@127.0.0.1:${port}/${name}`,
      directUrl: `postgres://roost@127.0.0.1:${postgresPort}/${name}`,
    });
    direct = { connectionString: addressOf("roost").directUrl };
    pooled = { connectionString: addressOf("roost").url };
  });
  afterAll(async () => {
    await find(folder, "pgbouncer")?.stop(5_000, "SIGINT");
    await find(folder, "pg")?.stop(5_000, "SIGINT");
    rmSync(folder, { recursive: true, force: true });
  });

  const open = (poolSize: number) =>
    new Database({ connection: pooled, direct, poolSize, statementTimeoutMs: 15_000, log: () => {} });

  test("processes that begin at once on an empty database all find it up to date", async () => {
    const databases = Array.from({ length: 8 }, () => open(3));
    const applied = await Promise.all(databases.map((database) => database.migrate()));
    expect(applied.filter(({ length }) => length > 0)).toHaveLength(1);
    for (const database of databases) await database[Symbol.asyncDispose]();
  });

  test("hot statements and transactions work, however sessions are shared", async () => {
    await using database = open(60);
    const rows = await Promise.all(
      Array.from({ length: 600 }, async (_, n) => {
        const [row] = await database.prepared<{ n: number }>("same_name", "select $1::int as n", [n]);
        return row?.n;
      }),
    );
    expect(rows).toEqual(rows.map((_, n) => n));
    const inTransaction = await database.db.transaction().execute(async (tx) => {
      await sql`select set_config('roost.test', 'here', true)`.execute(tx);
      return (await sql<{ it: string }>`select current_setting('roost.test') as it`.execute(tx)).rows[0]?.it;
    });
    expect(inTransaction).toBe("here");
  });

  test("notices come past the pooler", async () => {
    await using database = open(2);
    const heard: unknown[] = [];
    await using _listening = listenForInvalidation(database, { warn: () => {} } as never, {
      onStale: (stale) => heard.push(stale),
      onGap: () => {},
    });
    await expect
      .poll(
        async () => {
          await notifyInvalidation(database.db, { accounts: [7n] as never });
          return heard.length;
        },
        { timeout: 5_000 },
      )
      .toBeGreaterThan(0);
    expect(heard[0]).toEqual({ accounts: [7n] });
  });

  test("a thousand clients share twenty connections, and each gets its own answer", async () => {
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        const client = new pg.Client(pooled);
        await client.connect();
        return client;
      }),
    );
    const watch = new pg.Client(direct);
    await watch.connect();
    let mostBackends = 0;
    let isOver = false;
    const watching = (async () => {
      while (!isOver) {
        const { rows } = await watch.query<{ n: number }>(
          "select count(*)::int as n from pg_stat_activity where datname = 'roost' and pid <> pg_backend_pid()",
        );
        mostBackends = Math.max(mostBackends, rows[0]?.n ?? 0);
      }
    })();
    try {
      const answers = await Promise.all(
        clients.map(async (client, i) => {
          const own: unknown[] = [];
          for (let n = 0; n < QUERIES_EACH; n++) {
            const { rows } = await client.query<{ it: number }>("select $1::int as it", [
              i * QUERIES_EACH + n,
            ]);
            own.push(rows[0]?.it);
          }
          return own;
        }),
      );
      expect(answers.flat()).toEqual(Array.from({ length: CLIENTS * QUERIES_EACH }, (_, n) => n));
    } finally {
      isOver = true;
      await watching;
      await Promise.all([watch, ...clients].map((client) => client.end()));
    }
    expect(mostBackends).toBeGreaterThan(1);
    expect(mostBackends).toBeLessThanOrEqual(SERVER_CONNECTIONS);
  });

  describe("shards", () => {
    const options = { poolSize: 30, statementTimeoutMs: 15_000, log: () => {} };
    const main = () =>
      new Database({ ...options, connection: { connectionString: addressOf("main").directUrl } });

    test("are brought up to date past it, and used through it by many on few connections", async () => {
      const processes = await Promise.all(
        Array.from({ length: 4 }, async () => {
          const opened = new AsyncDisposableStack();
          const database = opened.use(main());
          await database.migrate();
          opened.use(await openShards(database, [addressOf("one"), addressOf("two")], options));
          return { database, opened };
        }),
      );
      const answers = await Promise.all(
        Array.from({ length: 600 }, async (_, n) => {
          const { database } = processes[n % processes.length] as (typeof processes)[number];
          const shard = database.shards.of(makeId(Date.now(), n % LOGICAL_SHARDS, 0));
          const text = "select $1::int as n, current_database() as name";
          const [row] = await shard.prepared<{ n: number; name: string }>("same_name", text, [n]);
          return row;
        }),
      );
      expect(answers).toEqual(answers.map((_, n) => ({ n, name: n % 2 === 0 ? "one" : "two" })));
      const { rows } = await sql<{ name: string; n: number }>`
        select datname as name, count(*)::int as n from pg_stat_activity
        where datname in ('one', 'two') and backend_type = 'client backend' group by datname`.execute(
        (processes[0] as (typeof processes)[number]).database.db,
      );
      for (const { n } of rows) expect(n).toBeLessThanOrEqual(SERVER_CONNECTIONS);
      for (const { opened } of processes) await opened.disposeAsync();
    });

    test("are refused when their direct addresses come in another order", async () => {
      await using database = main();
      const mixed = [
        { url: addressOf("one").url, directUrl: addressOf("two").directUrl },
        { url: addressOf("two").url, directUrl: addressOf("one").directUrl },
      ];
      await expect(openShards(database, mixed, options)).rejects.toThrow(
        /SHARD_DIRECT_URLS names 127\.0\.0\.1:\d+\/two where SHARD_URLS names .*\/one, .* same order/,
      );
    });

    test("sessions past it, for migrations and moves, have no time limit", async () => {
      const client = new pg.Client(direct);
      await client.connect();
      await client.query("alter role roost set statement_timeout = '15s'");
      await using database = open(1);
      const session = await database.dedicated();
      try {
        const { rows } = await session.query("show statement_timeout");
        expect(rows).toEqual([{ statement_timeout: "0" }]);
      } finally {
        await session.end();
        await client.query("alter role roost reset statement_timeout");
        await client.end();
      }
    });
  });
});
