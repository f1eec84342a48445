/** Media that end at the very moment somebody takes them: a post has its files, or is told that there are none. */
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openRoost, type Roost } from "../../src/composition.ts";
import { loadConfig } from "../../src/config.ts";
import { sleep } from "../../src/core/clock.ts";
import type { MediaStore } from "../../src/engines/media-store/port.ts";
import { deleteExpiredMedia } from "../../src/media/expiry.ts";
import { uploadImage } from "../../src/media/upload.ts";
import { type Client, type SignedUp, type Status, signUp } from "../support/client.ts";
import { makeDataDir, removeDataDir } from "../support/start-roost.ts";

const ROUNDS = process.env.TEST_LONG === "1" ? 60 : 8;
const MEDIA_A_ROUND = 8;
/** How long after a request begins the time is over: from before it to long after it, in steps that grow. */
const offsetMs = (round: number, place: number) =>
  -40 + 1_500 * ((round * MEDIA_A_ROUND + place) / (ROUNDS * MEDIA_A_ROUND)) ** 2;
const REQUEST_MS = 60;

const opened = new AsyncDisposableStack();
let roost: Roost;
let ann: SignedUp;
let picture: Buffer;

beforeAll(async () => {
  const dataDir = makeDataDir();
  opened.defer(() => removeDataDir(dataDir));
  const settings = {
    PORT: "0",
    HOST: "127.0.0.1",
    RATE_LIMITS: "off",
    LOG_LEVEL: "silent",
    SIGN_UPS: "open",
    DATA_DIR: dataDir,
  };
  roost = opened.use(await openRoost(loadConfig(settings).config));
  const [first] = await signUp(await roost.listen(), "ann");
  if (!first) throw new Error("an account was asked for");
  ann = first;
  const { default: sharp } = await import("sharp");
  picture = await sharp({ create: { width: 8, height: 8, channels: 3, background: "red" } })
    .png()
    .toBuffer();
});
afterAll(() => opened.disposeAsync());

const context = () => ({ database: roost.database, store: roost.api.mediaStore });
const anUpload = () => ({ bytes: picture, description: null, focus: null });
const upload = () => uploadImage(context(), BigInt(ann.id), anUpload());
const run = (store = roost.api.mediaStore) =>
  deleteExpiredMedia({ store, onDeleted: () => {}, onFailed: () => {} }, [roost.database]);

const expireIn = (id: bigint, ms: number) =>
  sql`update expiring_files set expires_at = clock_timestamp() + ${ms} * interval '1 millisecond'
    where media_id = ${id}`.execute(roost.database.db);

async function hasFiles({ original_key, preview_key }: { original_key: string; preview_key: string }) {
  const found = await Promise.all([original_key, preview_key].map((key) => roost.api.mediaStore.get(key)));
  for (const one of found) one?.body.destroy();
  return found.map((one) => one !== null);
}

const hasRow = async (id: bigint) =>
  (await sql`select 1 from media_attachments where id = ${id}`.execute(roost.database.db)).rows.length > 0;

/** Runs that overlap with each other and with what is going on, until told to stop. */
function runsMeanwhile(): { stop(): Promise<void> } {
  let isOver = false;
  const running = Array.from({ length: 3 }, async () => {
    while (!isOver) await run();
  });
  return {
    stop: async () => {
      isOver = true;
      await Promise.all(running);
    },
  };
}

test("posted just as they expire: a post has all of its pictures, or there is no post and no picture", async () => {
  const outcomes = { posted: 0, refused: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const media = await Promise.all(Array.from({ length: MEDIA_A_ROUND }, upload));
    for (const [place, { id }] of media.entries()) await expireIn(id, REQUEST_MS + offsetMs(round, place));
    const runs = runsMeanwhile();
    const posts = await Promise.all(
      media.map(async ({ id }) => {
        await sleep(REQUEST_MS);
        return ann.client.ask<Status>("POST", "/api/v1/statuses", { media_ids: [`${id}`] });
      }),
    );
    await runs.stop();
    await run();
    for (const [place, { status }] of posts.entries()) {
      const one = media[place];
      if (!one) throw new Error("a post for each");
      outcomes[status === 200 ? "posted" : "refused"]++;
      expect([200, 422]).toContain(status);
      const isThere = status === 200;
      if (!isThere) await expect.poll(() => hasRow(one.id), { timeout: 5_000 }).toBe(false);
      await expect.poll(() => hasFiles(one), { timeout: 5_000 }).toEqual([isThere, isThere]);
      expect(await hasRow(one.id)).toBe(isThere);
    }
  }
  console.log(`posted just as they expired: ${JSON.stringify(outcomes)}`);
  expect(outcomes.posted * outcomes.refused).toBeGreaterThan(0);
}, 120_000);

test("a post that is deleted just as its pictures' time as uploads is over leaves them for the hour", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const media = await Promise.all(Array.from({ length: MEDIA_A_ROUND }, upload));
    const posts = await Promise.all(
      media.map(({ id }) => ann.client.publish("soon gone", { media_ids: [`${id}`] })),
    );
    for (const [place, { id }] of media.entries()) await expireIn(id, REQUEST_MS + offsetMs(round, place));
    const runs = runsMeanwhile();
    await Promise.all(
      posts.map(async ({ id }) => {
        await sleep(REQUEST_MS);
        await ann.client.delete(`/api/v1/statuses/${id}`);
      }),
    );
    await runs.stop();
    for (const one of media)
      expect([await hasRow(one.id), ...(await hasFiles(one))]).toEqual([true, true, true]);
    await again(ann.client, media);
  }
}, 120_000);

async function again(client: Client, media: readonly { id: bigint }[]): Promise<void> {
  for (const { id } of media) await client.publish("again", { media_ids: [`${id}`] });
}

test("an upload that stood still for a day is refused, and nothing of it stays", async () => {
  let puts = 0;
  const { mediaStore } = roost.api;
  const keys: string[] = [];
  const slow: MediaStore = {
    put: async (key, body, contentType) => {
      await mediaStore.put(key, body, contentType);
      keys.push(key);
      if (++puts < 2) return;
      await sql`update expiring_files set expires_at = now() where key = any(${keys}::text[])`.execute(
        roost.database.db,
      );
      await run();
    },
    get: (key) => mediaStore.get(key),
    delete: (key) => mediaStore.delete(key),
    list: () => mediaStore.list(),
    [Symbol.asyncDispose]: async () => {},
  };
  await expect(
    uploadImage({ database: roost.database, store: slow }, BigInt(ann.id), anUpload()),
  ).rejects.toThrow("took too long");
  const { rows } =
    await sql`select 1 from media_attachments where original_key = any(${keys}::text[])`.execute(
      roost.database.db,
    );
  expect(rows).toEqual([]);
  for (const key of keys) expect(await mediaStore.get(key)).toBeNull();
});

test("what the store doesn't delete now it deletes later, and what one process has claimed another leaves alone", async () => {
  const one = await upload();
  await expireIn(one.id, -1);
  const { mediaStore } = roost.api;
  let failures = 0;
  let isAway = true;
  const store: MediaStore = {
    put: (key, body, contentType) => mediaStore.put(key, body, contentType),
    get: (key) => mediaStore.get(key),
    delete: (key) => (isAway ? Promise.reject(new Error("the disk is read-only")) : mediaStore.delete(key)),
    list: () => mediaStore.list(),
    [Symbol.asyncDispose]: async () => {},
  };
  const told = { store, onDeleted: () => {}, onFailed: () => failures++ };
  await expect(deleteExpiredMedia(told, [roost.database])).rejects.toThrow("read-only");
  expect([failures, await hasRow(one.id), ...(await hasFiles(one))]).toEqual([2, false, true, true]);
  isAway = false;
  // Claimed by the run before, for a while.
  await deleteExpiredMedia(told, [roost.database]);
  expect(await hasFiles(one)).toEqual([true, true]);
  await sql`update expiring_files set claimed_until = now()`.execute(roost.database.db);
  await deleteExpiredMedia(told, [roost.database]);
  expect(await hasFiles(one)).toEqual([false, false]);
});
