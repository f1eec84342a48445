/** Two servers keep media in one S3: what is uploaded at one is shown by the other, and all else goes on without it. */
import { sql } from "kysely";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasRedis } from "../../src/cluster/redis.ts";
import { openRoost } from "../../src/composition.ts";
import { loadConfig } from "../../src/config.ts";
import { systemClock } from "../../src/core/clock.ts";
import { UnusableSetup } from "../../src/core/errors.ts";
import { makeId } from "../../src/core/ids.ts";
import { createLogger } from "../../src/core/telemetry/log.ts";
import { S3MediaStore } from "../../src/engines/media-store/s3.ts";
import { type SpawnedS3, s3Server, startS3 } from "../../src/engines/media-store/spawned.ts";
import { insertAccount } from "../support/accounts.ts";
import { Client, type Status } from "../support/client.ts";
import { makeDataDir, removeDataDir } from "../support/start-roost.ts";
import { openTwoServers, type TwoServers } from "../support/two-servers.ts";

const program = s3Server();

interface Media {
  readonly id: string;
  readonly url: string;
  readonly preview_url: string;
}

describe.skipIf(program === null || !hasRedis())("media in S3 (needs moto_server and redis-server)", () => {
  const opened = new AsyncDisposableStack();
  let s3: SpawnedS3;
  let two: TwoServers;
  let ann: readonly [Client, Client];

  beforeAll(async () => {
    s3 = opened.use(await startS3(program ?? ""));
    two = opened.use(await openTwoServers("single", s3.settings));
    ann = await person("ann");
  });
  afterAll(() => opened.disposeAsync());

  async function person(username: string): Promise<readonly [Client, Client]> {
    const { db } = two.roosts[0].database;
    const id = makeId(Date.UTC(2025, 0, 1), 1, 0);
    const token = await insertAccount(db, id, username);
    return [new Client(two.urls[0], token), new Client(two.urls[1], token)];
  }

  async function formWith(field: string, background: string): Promise<FormData> {
    const picture = await sharp({ create: { width: 64, height: 48, channels: 3, background } })
      .png()
      .toBuffer();
    const form = new FormData();
    form.set(field, new Blob([new Uint8Array(picture)], { type: "image/png" }), "a.png");
    return form;
  }

  const upload = async (at: Client, color: string) =>
    at.ask<Media>("POST", "/api/v2/media", await formWith("file", color));

  /** The same path at another server. */
  const shown = (at: Client, url: string) => fetch(`${at.url}${new URL(url).pathname}`);

  const uploads = async () =>
    Number(
      (await sql<{ n: string }>`select count(*) n from media_attachments`.execute(two.roosts[0].database.db))
        .rows[0]?.n,
    );

  const isAwayByMetrics = async (at: Client) =>
    (await (await fetch(`${at.url}/metrics`)).text()).match(/^roost_media_store_away (\d)/m)?.[1];

  test("what is uploaded at one server is shown by the other, in the post as well", async () => {
    const { status, body } = await upload(ann[0], "red");
    expect(status).toBe(200);
    const post = await ann[0].post<Status & { media_attachments: Media[] }>("/api/v1/statuses", {
      status: "red",
      media_ids: [body.id],
    });
    const seen = await ann[1].get<typeof post>(`/api/v1/statuses/${post.id}`);
    expect(seen.media_attachments.map(({ id }) => id)).toEqual([body.id]);
    for (const url of [body.url, body.preview_url]) {
      const [here, there] = [await shown(ann[0], url), await shown(ann[1], url)];
      expect(there.status).toBe(200);
      expect(there.headers.get("content-type")).toMatch(/^image\//);
      expect(there.headers.get("cache-control")).toContain("immutable");
      const bytes = Buffer.from(await there.arrayBuffer());
      expect(bytes.equals(Buffer.from(await here.arrayBuffer()))).toBe(true);
      expect((await sharp(bytes).metadata()).width).toBe(64);
    }
    const avatar = await formWith("avatar", "blue");
    const changed = await ann[0].ask<{ avatar: string }>(
      "PATCH",
      "/api/v1/accounts/update_credentials",
      avatar,
    );
    expect((await shown(ann[1], changed.body.avatar)).status).toBe(200);
    expect((await shown(ann[1], `${two.urls[1]}/media/attachments/1/none.png`)).status).toBe(404);
  });

  test("while it hangs: uploads and media are refused in time, all else goes on, and it comes back", async () => {
    const kept = (await upload(ann[0], "green")).body;
    const before = await uploads();
    s3.freeze();
    const startedMs = performance.now();
    const tried = await Promise.all([upload(ann[0], "blue"), upload(ann[0], "blue"), upload(ann[1], "blue")]);
    const read = await shown(ann[1], kept.url);
    // Each was given 3 s, the uploads a little more.
    expect(performance.now() - startedMs).toBeLessThan(8_000);
    for (const { status, headers, body } of tried) {
      expect([status, body]).toEqual([
        503,
        { error: "Media can't be stored or read right now. Try again in a moment" },
      ]);
      expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    }
    expect(read.status).toBe(503);
    expect(read.headers.get("retry-after")).not.toBeNull();
    expect(read.headers.get("cache-control") ?? "").not.toContain("immutable");
    for (const at of ann) {
      expect((await at.ask("GET", "/readyz")).status).toBe(200);
      expect((await at.get<Status[]>("/api/v1/timelines/home")).length).toBeGreaterThan(0);
      await at.post("/api/v1/statuses", { status: "without pictures" });
      expect(await isAwayByMetrics(at)).toBe("1");
    }
    expect(await uploads()).toBe(before);
    s3.thaw();
    for (const at of ann) {
      await expect.poll(async () => (await shown(at, kept.url)).status, { timeout: 5_000 }).toBe(200);
      await expect.poll(async () => (await upload(at, "white")).status, { timeout: 5_000 }).toBe(200);
      expect(await isAwayByMetrics(at)).toBe("0");
    }
  });

  test("killed in the middle of a file: the browser is told that it's incomplete; then away, then back", async () => {
    const log = createLogger("silent");
    await using store = new S3MediaStore(s3.address, { log, clock: systemClock });
    await store.put("attachments/1/large.png", Buffer.alloc(40_000_000, "a"), "image/png");
    const answer = await fetch(`${two.urls[0]}/media/attachments/1/large.png`);
    const reader = answer.body?.getReader();
    await reader?.read();
    await s3.kill();
    const drain = async () => {
      while (!(await reader?.read())?.done);
    };
    await expect(drain()).rejects.toThrow();
    const startedMs = performance.now();
    expect((await upload(ann[0], "black")).status).toBe(503);
    expect((await shown(ann[0], `${two.urls[0]}/media/attachments/1/large.png`)).status).toBe(503);
    expect(performance.now() - startedMs).toBeLessThan(4_000);
    await s3.restart();
    await expect.poll(async () => (await upload(ann[0], "black")).status, { timeout: 5_000 }).toBe(200);
    expect((await shown(ann[1], (await upload(ann[0], "gray")).body.url)).status).toBe(200);
  });

  test("a start without it is refused, but only of who serves requests", async () => {
    const dataDir = makeDataDir();
    opened.defer(() => removeDataDir(dataDir));
    const settings = { PORT: "0", LOG_LEVEL: "silent", DATA_DIR: dataDir, ...s3.settings, S3_BUCKET: "none" };
    const { config } = loadConfig(settings);
    await expect(openRoost(config, { roles: ["api"] })).rejects.toThrow(UnusableSetup);
    await using worker = await openRoost(config, { roles: ["jobs"] });
    expect(worker.database.shards.all).toHaveLength(1);
  });
});
