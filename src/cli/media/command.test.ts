/** A store and a database that disagree in every way there is: told as it is, and mended. */
import { existsSync } from "node:fs";
import { rm, utimes } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { Client, type Status, signUp } from "../../../test/support/client.ts";
import { openRoost, type Roost } from "../../composition.ts";
import { loadConfig } from "../../config.ts";
import { emptyFolder, type Outcome, roost } from "../spawned.ts";

interface Media {
  readonly id: string;
  readonly url: string;
  readonly preview_url: string;
}

interface Post extends Status {
  readonly media_attachments: readonly Media[];
}

const folder = emptyFolder();
const settings = {
  DATA_DIR: join(folder, "data"),
  PORT: "0",
  HOST: "127.0.0.1",
  SIGN_UPS: "open",
  RATE_LIMITS: "off",
  LOG_LEVEL: "silent",
};
const media = (...args: string[]): Promise<Outcome> => roost(["media", ...args], settings, folder);
const keyOf = (url: string) => new URL(url).pathname.replace("/media/", "");
const pathOf = (key: string) => join(settings.DATA_DIR, "media", key);

async function age(...keys: string[]): Promise<void> {
  const twoHoursAgo = Date.now() / 1_000 - 7_200;
  for (const key of keys) await utimes(pathOf(key), twoHoursAgo, twoHoursAgo);
}

async function upload(client: Client, field = "file"): Promise<FormData> {
  const picture = await sharp({ create: { width: 900, height: 700, channels: 3, background: "red" } })
    .png()
    .toBuffer();
  const form = new FormData();
  form.set(field, new Blob([new Uint8Array(picture)], { type: "image/png" }), "a.png");
  expect(client.token).not.toBeNull();
  return form;
}

async function uploaded(client: Client): Promise<Media> {
  return (await client.ask<Media>("POST", "/api/v2/media", await upload(client))).body;
}

describe("store and database", () => {
  let left: Record<
    "unposted" | "orphaned" | "shown" | "inHistory" | "noPreview" | "noOriginal" | "lost",
    Media
  >;
  let posts: Record<"noPreview" | "noOriginal" | "lost" | "edited", string>;
  let avatar: string;
  let accountId: string;
  let token: string | null;

  beforeAll(async () => {
    await using server = await openRoost(loadConfig(settings).config);
    const [ann] = await signUp(await server.listen(), "ann");
    if (!ann) throw new Error("an account was asked for");
    const { client } = ann;
    [accountId, token] = [ann.id, client.token];
    const all = [];
    for (let i = 0; i < 7; i++) all.push(await uploaded(client));
    const [unposted, orphaned, shown, inHistory, noPreview, noOriginal, lost] = all as [
      Media,
      Media,
      Media,
      Media,
      Media,
      Media,
      Media,
    ];
    left = { unposted, orphaned, shown, inHistory, noPreview, noOriginal, lost };
    const post = async (one: Media) => (await client.publish("a picture", { media_ids: [one.id] })).id;
    const gone = await post(orphaned);
    await post(shown);
    const edited = await post(inHistory);
    await client.put(`/api/v1/statuses/${edited}`, { status: "none", media_ids: [] });
    posts = {
      noPreview: await post(noPreview),
      noOriginal: await post(noOriginal),
      lost: await post(lost),
      edited,
    };
    const changed = await client.ask<{ avatar: string }>(
      "PATCH",
      "/api/v1/accounts/update_credentials",
      await upload(client, "avatar"),
    );
    avatar = changed.body.avatar;
    await asLeftByVersionBefore(server, { gone });
  });

  /** It had no list, and knew no history; and a post's row was lost. */
  async function asLeftByVersionBefore(
    { database: { db } }: Roost,
    { gone }: { gone: string },
  ): Promise<void> {
    await sql`delete from expiring_files`.execute(db);
    await sql`update media_attachments set created_at = now() - interval '2 days', history_status_id = null`.execute(
      db,
    );
    await sql`delete from statuses where id = ${gone}::bigint`.execute(db);
  }

  test("agree once what a version before has left is gone, but for what a history shows", async () => {
    const { unposted, orphaned } = left;
    expect(await media("audit", "--quiet")).toEqual({
      code: 1,
      stdout: [unposted, orphaned].map(({ id }) => `row   media ${id}: nothing needs it\n`).join(""),
      stderr: "",
    });
    expect(JSON.parse((await media("gc", "--json")).stdout)).toMatchObject({
      unusedFiles: 4,
      deletedFiles: 4,
      mendedRows: 0,
    });
    for (const gone of [left.unposted, left.orphaned])
      expect(existsSync(pathOf(keyOf(gone.url))) || existsSync(pathOf(keyOf(gone.preview_url)))).toBe(false);
    for (const kept of [left.shown, left.inHistory])
      expect(existsSync(pathOf(keyOf(kept.url))) && existsSync(pathOf(keyOf(kept.preview_url)))).toBe(true);
    expect(await media("audit", "--quiet")).toEqual({ code: 0, stdout: "", stderr: "" });
    expect((await media("audit")).stderr).toContain("Store and database agree.");
  });

  test("disagree: audit tells each and changes nothing, gc mends each, in a running server as well", async () => {
    await using server = await openRoost(loadConfig(settings).config);
    const client = new Client(await server.listen(), token);
    const store = server.api.mediaStore;
    for (const key of ["attachments/1/old.png", "attachments/1/new.png"])
      await store.put(key, Buffer.from("four"), "image/png");
    await age("attachments/1/old.png");
    const { noPreview, noOriginal, lost } = left;
    const missing = [noPreview.preview_url, noOriginal.url, lost.url, lost.preview_url, avatar].map(keyOf);
    for (const key of missing) await rm(pathOf(key));
    // Cached from before.
    await client.get(`/api/v1/statuses/${posts.lost}`);

    const [lines, json] = [await media("audit", "--quiet"), await media("audit", "--quiet", "--json")];
    expect([lines.code, lines.stderr, json.code]).toEqual([1, "", 1]);
    const rows = [
      { id: noPreview.id, key: missing[0] },
      { id: noOriginal.id, key: missing[1] },
      { id: lost.id, key: missing[2] },
      { id: lost.id, key: missing[3] },
    ].map((row) => ({ kind: "row", what: "media", ...row }));
    const told = json.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { key: string });
    expect(told).toHaveLength(6);
    expect(told).toEqual(
      expect.arrayContaining([
        { kind: "file", key: "attachments/1/old.png", sizeBytes: 4, ageHours: 2 },
        { kind: "row", what: "avatar", id: accountId, key: missing[4] },
        ...rows,
      ]),
    );
    expect(lines.stdout).toContain("file  attachments/1/old.png: nothing names it (4 bytes, 2 hours old)\n");
    expect(lines.stdout).toContain(`row   media ${lost.id}: ${missing[2]} is missing\n`);
    expect(lines.stdout).toContain(`row   avatar of account ${accountId}: ${missing[4]} is missing\n`);
    expect(await media("audit", "--quiet")).toEqual(lines);

    const mended = await media("gc", "--quiet");
    expect(mended).toEqual({
      code: 0,
      stdout: "Deleted 1 file (4 bytes), and mended 4 rows.\n",
      stderr: "",
    });
    expect(existsSync(pathOf("attachments/1/old.png"))).toBe(false);
    expect(existsSync(pathOf("attachments/1/new.png"))).toBe(true);
    const shownIn = async (id: string) => {
      const { media_attachments } = await client.get<Post>(`/api/v1/statuses/${id}`);
      return media_attachments.map(({ url, preview_url }) => [url, preview_url].map(keyOf));
    };
    const [kept, small] = [keyOf(noPreview.url), keyOf(noOriginal.preview_url)];
    await expect.poll(() => shownIn(posts.lost)).toEqual([]);
    await expect.poll(() => shownIn(posts.noPreview)).toEqual([[kept, kept]]);
    await expect.poll(() => shownIn(posts.noOriginal)).toEqual([[small, small]]);
    await expect
      .poll(async () => (await client.get<{ avatar: string }>(`/api/v1/accounts/${accountId}`)).avatar)
      .toMatch(/\.svg$/);
    expect((await media("audit", "--quiet")).code).toBe(0);
  });

  test("disagree on nearly everything, so one is another's: gc changes nothing, unless it's told to", async () => {
    const keys = Array.from({ length: 30 }, (_, i) => `attachments/2/${i}.png`);
    {
      await using server = await openRoost(loadConfig(settings).config);
      for (const key of keys) await server.api.mediaStore.put(key, Buffer.from("x"), "image/png");
    }
    await age(...keys);
    const refused = await media("gc");
    expect([refused.code, refused.stdout]).toEqual([78, ""]);
    expect(refused.stderr).toMatch(/30 of \d+ files in the store are named by nothing in the database\./);
    expect(refused.stderr).toContain("Nothing was changed.");
    expect(keys.every((key) => existsSync(pathOf(key)))).toBe(true);
    expect((await media("gc", "--yes", "--quiet")).stdout).toContain("Deleted 30 files (30 bytes)");
    expect(keys.some((key) => existsSync(pathOf(key)))).toBe(false);
  });
});
