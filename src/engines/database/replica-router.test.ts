/** Reads on streaming replicas: whoever has written sees it, whatever the replicas do. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, type Client, type Status, signUp } from "../../../test/support/client.ts";
import { freezeAll } from "../../../test/support/freeze.ts";
import { waitFor } from "../../../test/support/wait.ts";
import { answers, postgresPrograms, startPlainPostgres } from "../../cluster/plain-postgres.ts";
import { find, freePort, launchAgain } from "../../cluster/process.ts";
import { openRoost, type Roost } from "../../composition.ts";
import { loadConfig } from "../../config.ts";
import { NotFound } from "../../core/errors.ts";
import { Database } from "./pools.ts";
import { formatLsn, parseLsn, ReplicaRouter } from "./replica-router.ts";

const LAG_MS_MAX = 1_000;

test("positions are read and written as PostgreSQL does", () => {
  expect(parseLsn("16/B374D848")).toBe(0x16b374d848n);
  for (const text of ["0/0", "0/1", "16/B374D848", "FFFFFFFF/FFFFFFFF"])
    expect(formatLsn(parseLsn(text))).toBe(text);
  for (const text of ["", "16", "16/", "1/2/3", "x/1"]) expect(() => parseLsn(text)).toThrow(/no position/);
});

describe.runIf(postgresPrograms() !== null)("with two replicas (needs postgresql)", () => {
  const folder = mkdtempSync(join(tmpdir(), "roost-replicas-"));
  const names = ["pg-1", "pg-2", "pg-3"];
  let ports: number[] = [];
  let roost: Roost;
  let author: Client;
  let other: Client;
  let authorId: string;

  beforeAll(async () => {
    chmodSync(folder, 0o755);
    ports = [await freePort(), await freePort(), await freePort()];
    await startPlainPostgres({ folder, ports, names, databases: ["roost"] });
    const [primary, ...replicas] = ports.map((port) => `postgres://roost@127.0.0.1:${port}/roost`);
    const settings = {
      DATABASE_URL: primary,
      DATABASE_REPLICA_URLS: replicas.join(","),
      REPLICA_LAG_MS_MAX: `${LAG_MS_MAX}`,
      DATA_DIR: join(folder, "data"),
      PORT: "0",
      HOST: "127.0.0.1",
      RATE_LIMITS: "off",
      LOG_LEVEL: "silent",
    };
    roost = await openRoost(loadConfig(settings).config);
    const url = await roost.listen();
    const [wren, robin] = await signUp(url, "wren", "robin");
    if (!wren || !robin) throw new Error("nobody signed up");
    [author, other, authorId] = [wren.client, robin.client, wren.id];
    await waitFor(() => takingReads() === 2, 10_000, "both replicas take reads");
    // What a process hasn't heard of it reads from the primary, until it can be no newer than replicas are.
    const isSeeing = () => roost.api.recentWrites.reading([]).minLsn !== null;
    await waitFor(isSeeing, 10_000, "what was written before the start is old");
  });
  afterAll(async () => {
    await roost?.[Symbol.asyncDispose]();
    for (const name of names.toReversed()) await find(folder, name)?.stop(5_000, "SIGINT");
    rmSync(folder, { recursive: true, force: true });
  });

  const takingReads = () => roost.database.replicas?.states().filter((state) => state.takesReads).length;

  async function onReplicas(statement: string): Promise<void> {
    for (const port of ports.slice(1)) {
      const client = new pg.Client({ host: "127.0.0.1", port, user: "roost", database: "roost" });
      await client.connect();
      await client.query(statement);
      await client.end();
    }
  }

  async function read(
    client: Client,
    path = "/api/v1/timelines/public",
  ): Promise<{ texts: string[]; staleMs: number }> {
    const answer: Answer<Status[]> = await client.ask("GET", path);
    expect(answer.status).toBe(200);
    const texts = answer.body.map(({ content }) => content.replace(/<[^>]*>/g, ""));
    return { texts, staleMs: Number(answer.headers.get("roost-staleness-ms")) };
  }

  const post = (client: Client, status: string) => client.post<Status>("/api/v1/statuses", { status });

  test("a replica answers who has written nothing, and says how old that may be", async () => {
    await post(author, "first");
    await expect.poll(async () => (await read(other)).texts, { timeout: 5_000 }).toContain("first");
    await expect.poll(async () => (await read(other)).staleMs, { timeout: 5_000 }).toBeGreaterThan(0);
    expect((await read(other)).staleMs).toBeLessThanOrEqual(LAG_MS_MAX + 200);
  });

  test("a question that is wrong, or finds nothing, costs no replica its reads", async () => {
    const replicas = roost.database.replicas as ReplicaRouter;
    const reading = () => ({ minLsn: 0n, staleMs: 0 });
    const before = replicas.primaryReads;
    await expect(replicas.read(reading(), (db) => sql`select 1 / 0`.execute(db))).rejects.toThrow(/zero/);
    const missing = async () => {
      throw new NotFound();
    };
    await expect(replicas.read(reading(), missing)).rejects.toThrow(NotFound);
    // Each was asked of the primary as well.
    expect(replicas.primaryReads - before).toBe(2);
    expect(takingReads()).toBe(2);
  });

  test("while replay is paused, authors see their own; others what is no older than the bound", async () => {
    await onReplicas("select pg_wal_replay_pause()");
    try {
      await post(author, "while paused");
      const own = await read(author);
      expect(own.texts[0]).toBe("while paused");
      expect(own.staleMs).toBe(0);
      const ofAccount = await read(other, `/api/v1/accounts/${authorId}/statuses`);
      expect(ofAccount.texts[0]).toBe("while paused");
      // Until the replicas are too old, others may miss it; from then on nobody asks them.
      await expect.poll(takingReads, { timeout: 5_000, interval: 20 }).toBe(0);
      const late = await read(other);
      expect([late.texts[0], late.staleMs]).toEqual(["while paused", 0]);
    } finally {
      await onReplicas("select pg_wal_replay_resume()");
    }
    await expect.poll(takingReads, { timeout: 5_000 }).toBe(2);
    expect((await read(author)).texts[0]).toBe("while paused");
    await expect.poll(async () => (await read(other)).staleMs, { timeout: 5_000 }).toBeGreaterThan(0);
  });

  test("what is deleted is gone for everybody at once, though replicas still have it", async () => {
    const { id } = await post(author, "not for long");
    await expect.poll(async () => (await read(other)).texts[0], { timeout: 5_000 }).toBe("not for long");
    await onReplicas("select pg_wal_replay_pause()");
    try {
      await author.ask("DELETE", `/api/v1/statuses/${id}`);
      expect((await read(other)).texts).not.toContain("not for long");
      expect((await read(author)).texts).not.toContain("not for long");
    } finally {
      await onReplicas("select pg_wal_replay_resume()");
    }
  });

  test("one that is killed and one that is frozen cost a moment, and nobody an answer", async () => {
    await expect.poll(takingReads, { timeout: 5_000 }).toBe(2);
    await find(folder, "pg-2")?.stop(0);
    await Promise.all(Array.from({ length: 20 }, () => read(other)));
    const thaw = freezeAll(find(folder, "pg-3")?.record.pid ?? 0);
    try {
      await post(author, "they are away");
      await Promise.all(Array.from({ length: 20 }, () => read(other)));
      await expect.poll(takingReads, { timeout: 10_000 }).toBe(0);
      expect((await read(other)).texts[0]).toBe("they are away");
    } finally {
      thaw();
    }
    await expect.poll(takingReads, { timeout: 10_000 }).toBe(1);
  });

  test("while the primary is away they are read in its place, unless something may have gone unheard", async () => {
    await find(folder, "pg-2")?.stop(0);
    await launchAgain({ folder, name: "pg-2", isReady: () => answers(ports[1] ?? 0), readyMsMax: 10_000 });
    await expect.poll(takingReads, { timeout: 10_000 }).toBe(2);
    await post(author, "before the loss");
    const pages = [
      "/api/v1/timelines/public",
      "/api/v1/timelines/home",
      `/api/v1/accounts/${authorId}/statuses`,
      "/api/v1/accounts/verify_credentials",
      "/api/v1/lists",
    ];
    const statuses = async () =>
      Promise.all(pages.map(async (page) => (await author.ask("GET", page)).status));
    const answered = pages.map(() => 200);
    await find(folder, "pg-1")?.stop(0);
    try {
      const awayMs = () => roost.database.replicas?.primaryAwayMs;
      await expect.poll(awayMs, { timeout: 5_000 }).toBeGreaterThan(LAG_MS_MAX);
      // As of people who haven't been here for a while.
      await roost.loseCaches();
      await expect.poll(statuses, { timeout: 5_000 }).toEqual(answered);
      const own = await read(author);
      expect(own.texts[0]).toBe("before the loss");
      expect(own.staleMs).toBeGreaterThan(LAG_MS_MAX);
      const refused = await author.ask("POST", "/api/v1/statuses", { status: "without a primary" });
      expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, expect.any(String)]);
      roost.api.recentWrites.missed();
      await roost.loseCaches();
      expect(new Set(await statuses())).toEqual(new Set([503]));
    } finally {
      await launchAgain({ folder, name: "pg-1", isReady: () => answers(ports[0] ?? 0), readyMsMax: 10_000 });
    }
    await expect.poll(statuses, { timeout: 10_000 }).toEqual(answered);
    await expect.poll(async () => (await read(author)).staleMs, { timeout: 5_000 }).toBe(0);
    await post(author, "after it");
    expect((await read(author)).texts.slice(0, 2)).toEqual(["after it", "before the loss"]);
  });

  test("one of another history is never read, also when the primary has come to where it stands", async () => {
    const strange = mkdtempSync(join(tmpdir(), "roost-strange-"));
    chmodSync(strange, 0o755);
    const [strangePort = 0, replicaPort = 0] = [await freePort(), await freePort()];
    const strangers = ["strange-1", "strange-2"];
    await startPlainPostgres({
      folder: strange,
      ports: [strangePort, replicaPort],
      names: strangers,
      databases: [],
    });
    const at = async (port: number, statement: string) => {
      const client = new pg.Client({ host: "127.0.0.1", port, user: "roost", database: "postgres" });
      await client.connect();
      const { rows } = await client.query(statement);
      await client.end();
      return rows[0];
    };
    const forward = (port: number) =>
      at(port, "select pg_logical_emit_message(false, 'x', 'x'), pg_switch_wal()");
    const connection = { connectionString: `postgres://roost@127.0.0.1:${replicaPort}/postgres` };
    const replica = new Database({ connection, poolSize: 2, statementTimeoutMs: 5_000, log: () => {} });
    const name = "stranger";
    const options = { lagMsMax: LAG_MS_MAX, clock: roost.api.clock, log: roost.log };
    const isFar = async () => {
      await forward(strangePort);
      const { lsn } = await at(replicaPort, "select pg_last_wal_replay_lsn()::text as lsn");
      const own = await roost.database.replicas?.currentLsn();
      return parseLsn(lsn) > (own ?? 0n) + 0x2000000n;
    };
    await expect.poll(isFar, { timeout: 20_000 }).toBe(true);
    const { lsn } = await at(replicaPort, "select pg_last_wal_replay_lsn()::text as lsn");
    await find(strange, "strange-1")?.stop(5_000, "SIGINT");
    const router = new ReplicaRouter(roost.database, [{ name, database: replica }], options);
    try {
      await expect.poll(() => at(replicaPort, "select 1 as one"), { timeout: 5_000 }).toEqual({ one: 1 });
      const passed = async () => {
        await forward(ports[0] ?? 0);
        expect(router.states()[0]?.takesReads).toBe(false);
        return (await router.currentLsn()) > parseLsn(lsn);
      };
      await expect.poll(passed, { timeout: 30_000, interval: 50 }).toBe(true);
      for (let i = 0; i < 10; i++) await passed();
      expect(router.states()[0]).toMatchObject({ name, takesReads: false, lagMs: null });
    } finally {
      await router[Symbol.asyncDispose]();
      for (const stranger of strangers) await find(strange, stranger)?.stop(5_000, "SIGINT");
      rmSync(strange, { recursive: true, force: true });
    }
  });
});
