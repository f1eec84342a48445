/** kill -9 of processes that store and delete media: what is needed stays, what isn't goes with the next run. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { sql } from "kysely";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeId } from "../../src/core/ids.ts";
import { startEmbeddedServer } from "../../src/engines/database/embedded-server.ts";
import { Database } from "../../src/engines/database/pools.ts";
import { FolderMediaStore } from "../../src/engines/media-store/folder.ts";
import { disagreements } from "../../src/media/audit.ts";
import { deleteExpiredMedia } from "../../src/media/expiry.ts";
import { uploadImage } from "../../src/media/upload.ts";
import { inADay } from "../support/aged-store.ts";
import { makeDataDir, removeDataDir } from "../support/start-roost.ts";

/** Of each round, how many deletions are told before the kill. */
const KILLS = process.env.TEST_LONG === "1" ? Array.from({ length: 40 }, (_, i) => i) : [0, 1, 5, 11];
const MEDIA_A_ROUND = 12;
const ACCOUNT = makeId(Date.UTC(2025, 0, 1), 7, 0);
const OPTIONS = { poolSize: 4, statementTimeoutMs: 15_000, log: () => {} };

/** Uploads one after the other, or deletes what is due, and tells each; or claims what is due and comes no further. */
const WORKER = `
  const [work, src, connection, root, picture, account] = process.argv.slice(1);
  const { Database } = await import(src + "engines/database/pools.ts");
  const { FolderMediaStore } = await import(src + "engines/media-store/folder.ts");
  const { deleteExpiredMedia } = await import(src + "media/expiry.ts");
  const { uploadImage } = await import(src + "media/upload.ts");
  const database = new Database({ connection: JSON.parse(connection), ...${JSON.stringify(OPTIONS)}, log() {} });
  const store = await FolderMediaStore.open(root);
  if (work === "claim") store.delete = () => new Promise(() => {});
  const tell = (what) => process.stdout.write(what + "\\n");
  const upload = { bytes: Buffer.from(picture, "base64"), description: null, focus: null };
  for (;;) {
    if (work === "upload") tell((await uploadImage({ database, store }, BigInt(account), upload)).id);
    else await deleteExpiredMedia({ store, onDeleted: tell, onFailed() {} }, [database]);
  }
`;

const opened = new AsyncDisposableStack();
let database: Database;
let store: FolderMediaStore;
let workerArguments: string[];
let picture: Buffer;

beforeAll(async () => {
  const dataDir = makeDataDir();
  opened.defer(() => removeDataDir(dataDir));
  const { connection } = opened.use(await startEmbeddedServer({ dataDir, log: () => {} }));
  database = opened.use(new Database({ connection, ...OPTIONS }));
  await database.migrate();
  await database.db.insertInto("accounts").values({ id: ACCOUNT, username: "ann" }).execute();
  const root = await mkdtemp(join(tmpdir(), "roost-media-"));
  opened.defer(() => rm(root, { recursive: true, force: true }));
  store = await FolderMediaStore.open(root);
  picture = await sharp({ create: { width: 8, height: 8, channels: 3, background: "red" } })
    .png()
    .toBuffer();
  const src = new URL("../../src/", import.meta.url).href;
  workerArguments = [src, JSON.stringify(connection), root, picture.toString("base64"), `${ACCOUNT}`];
});
afterAll(() => opened.disposeAsync());

const upload = () =>
  uploadImage({ database, store }, ACCOUNT, { bytes: picture, description: null, focus: null });
const run = () => deleteExpiredMedia({ store, onDeleted: () => {}, onFailed: () => {} }, [database]);

/** Works until it is killed, as soon as `isTime`, asked at each thing it tells. Resolves to what it told. */
async function workUntilKilled(
  work: "upload" | "delete" | "claim",
  isTime: (told: readonly string[]) => boolean | Promise<boolean>,
) {
  const worker = spawn(process.execPath, ["--input-type=module", "-e", WORKER, work, ...workerArguments], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(worker, "exit");
  const told: string[] = [];
  const watch = setInterval(async () => {
    if (await isTime(told)) worker.kill("SIGKILL");
  }, 2);
  for await (const line of createInterface({ input: worker.stdout })) {
    told.push(line);
    if (await isTime(told)) worker.kill("SIGKILL");
  }
  clearInterval(watch);
  expect(await ended).toEqual([null, "SIGKILL"]);
  return told;
}

/** To a post that has the medium's id. */
async function attach(id: bigint): Promise<void> {
  await sql`insert into statuses (id, author_id, visibility, created_at) values (${id}, ${ACCOUNT}, 0, now())`.execute(
    database.db,
  );
  await sql`update media_attachments set status_id = ${id} where id = ${id}`.execute(database.db);
}

async function keysIn(): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list()) keys.push(key);
  return keys;
}

const claims = async () =>
  (await sql`select 1 from expiring_files where claimed_until is not null`.execute(database.db)).rows.length;

test("in the middle of uploads and deletions, again and again", async () => {
  const needed: string[] = [];
  let interrupted = 0;
  for (const deletions of KILLS) {
    for (let i = 0; i < MEDIA_A_ROUND; i++) {
      const { id, original_key, preview_key } = await upload();
      if (i % 3 === 0) {
        await attach(id);
        needed.push(original_key, preview_key);
      }
    }
    // Those of posts, too: their time as uploads is over.
    await sql`update expiring_files set expires_at = now(), claimed_until = null`.execute(database.db);
    const uploading = workUntilKilled("upload", (told) => told.length > deletions % 4);
    const deleting =
      deletions === 0
        ? workUntilKilled("claim", async () => (await claims()) > 0)
        : workUntilKilled("delete", (told) => told.length >= deletions);
    const [uploaded] = await Promise.all([uploading, deleting]);
    interrupted += (await claims()) > 0 ? 1 : 0;
    const { rows } = await sql<{ keys: string[] }>`select array[original_key, preview_key] as keys
      from media_attachments where id = any(${uploaded}::bigint[])`.execute(database.db);
    expect(rows, "uploads that were acknowledged").toHaveLength(uploaded.length);
    const there = [...needed, ...rows.flatMap(({ keys }) => keys)];
    expect(await keysIn()).toEqual(expect.arrayContaining(there));
  }
  expect(interrupted, "kills between claim and deletion").toBeGreaterThan(0);

  // Uploads that weren't acknowledged are listed: nothing has no name.
  const context = { databases: [database], store: inADay(store), onProgress: () => {} };
  expect(await Array.fromAsync(disagreements(context))).toEqual([]);

  // When time has passed, one run takes all that nothing needs.
  await sql`update expiring_files set expires_at = now(), claimed_until = now()`.execute(database.db);
  await sql`update expiring_files set claimed_until = null where media_id in (select id from media_attachments)`.execute(
    database.db,
  );
  await run();
  expect(await keysIn()).toEqual(needed.toSorted((a, b) => (a < b ? -1 : 1)));
  expect((await sql`select 1 from expiring_files`.execute(database.db)).rows).toEqual([]);
  const media = await sql`select 1 from media_attachments`.execute(database.db);
  expect(media.rows).toHaveLength(needed.length / 2);
  expect(await Array.fromAsync(disagreements(context))).toEqual([]);
}, 180_000);
