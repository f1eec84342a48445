/** When media end: files and rows are there as long as something needs them, and then they aren't. */
import { sql } from "kysely";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openRoost, type Roost } from "../../src/composition.ts";
import { loadConfig } from "../../src/config.ts";
import { makeId } from "../../src/core/ids.ts";
import { s3Server, startS3 } from "../../src/engines/media-store/spawned.ts";
import { disagreements, unusedRows } from "../../src/media/audit.ts";
import { countWaiting, deleteExpiredMedia, deleteMediaOf } from "../../src/media/expiry.ts";
import { insertAccount } from "../support/accounts.ts";
import { inADay } from "../support/aged-store.ts";
import { Client, type Status } from "../support/client.ts";
import { startShardDatabases } from "../support/shard-databases.ts";
import { makeDataDir, removeDataDir } from "../support/start-roost.ts";

interface Media {
  readonly id: string;
  readonly url: string;
  readonly preview_url: string;
  readonly description: string | null;
  readonly meta: { readonly focus?: { readonly x: number; readonly y: number } };
}

interface Post extends Status {
  readonly text?: string;
  readonly edited_at: string | null;
  readonly media_attachments: readonly Media[];
}

type Places = "folder" | "S3" | "folder, databases of shards";
const program = s3Server();
const places: Places[] = ["folder", ...(program ? (["S3"] as const) : []), "folder, databases of shards"];

describe.each(places)("media in a %s", (place) => {
  const opened = new AsyncDisposableStack();
  let roost: Roost;
  let ann: Client;
  let ben: Client;
  let annId: bigint;
  let made = 0;

  beforeAll(async () => {
    const dataDir = makeDataDir();
    opened.defer(() => removeDataDir(dataDir));
    const s3 = place === "S3" ? opened.use(await startS3(program ?? "")) : null;
    const shards = place.includes("shards") ? opened.use(await startShardDatabases(["one", "two"])) : null;
    const settings = {
      PORT: "0",
      HOST: "127.0.0.1",
      RATE_LIMITS: "off",
      LOG_LEVEL: "silent",
      DATA_DIR: dataDir,
      ...s3?.settings,
      ...shards?.env,
    };
    roost = opened.use(await openRoost(loadConfig(settings).config));
    const url = await roost.listen();
    [annId, ann] = await person(url, "ann");
    [, ben] = await person(url, "ben");
  });
  afterAll(() => opened.disposeAsync());

  async function person(url: string, username: string): Promise<[bigint, Client]> {
    const { db } = roost.database;
    const id = makeId(Date.UTC(2025, 0, 1), ++made, 0);
    const token = await insertAccount(db, id, username);
    return [id, new Client(url, token)];
  }

  const databases = () => [...new Set([roost.database, ...roost.database.shards.all])];
  const own = () => roost.database.shards.of(annId).db;

  async function formWith(field: string): Promise<FormData> {
    const background = { r: made++ % 256, g: 80, b: 120 };
    const picture = await sharp({ create: { width: 64, height: 48, channels: 3, background } })
      .png()
      .toBuffer();
    const form = new FormData();
    form.set(field, new Blob([new Uint8Array(picture)], { type: "image/png" }), "a.png");
    return form;
  }

  async function upload(at = ann): Promise<Media> {
    const { status, body } = await at.ask<Media>("POST", "/api/v2/media", await formWith("file"));
    expect(status).toBe(200);
    return body;
  }

  const post = (text: string, ...media: Media[]) =>
    ann.post<Post>("/api/v1/statuses", { status: text, media_ids: media.map(({ id }) => id) });

  const file = (url: string) => fetch(`${ann.url}${new URL(url).pathname}`);
  /** Of original and preview. */
  const shown = async ({ url, preview_url }: Pick<Media, "url" | "preview_url">) =>
    Promise.all([url, preview_url].map(async (one) => (await file(one)).status));
  const THERE = [200, 200];
  const GONE = [404, 404];

  /** As if all that is listed had been listed earlier, then a run of the job. */
  async function later(minutes: number): Promise<void> {
    for (const { db } of databases())
      await sql`update expiring_files set expires_at = expires_at - ${minutes} * interval '1 minute'`.execute(
        db,
      );
    await deleteExpiredMedia(roost.api.expiry, databases());
    // The server's own run may have claimed some.
    await expect.poll(() => countWaiting(databases()), { timeout: 10_000 }).toBe(0);
  }

  const rowsOf = async ({ id }: Media) =>
    (await own().selectFrom("media_attachments").select("id").where("id", "=", BigInt(id)).execute()).length;

  test("a cache that has a file is told that it's still the same, until it's gone", async () => {
    const one = await upload();
    const first = await file(one.url);
    expect(first.headers.get("cache-control")).toBe("public, max-age=31536000, immutable, s-maxage=3600");
    const headers = { "If-None-Match": first.headers.get("etag") ?? "" };
    const again = () => fetch(first.url, { headers });
    const same = await again();
    expect([same.status, await same.text()]).toEqual([304, ""]);
    expect(same.headers.get("cache-control")).toBe(first.headers.get("cache-control"));
    await ann.delete(`/api/v1/media/${one.id}`);
    const gone = await again();
    expect([gone.status, gone.headers.get("cache-control") ?? ""]).toEqual([
      404,
      expect.not.stringContaining("max-age"),
    ]);
  });

  test("an upload that nobody posts goes after a day, and not before", async () => {
    const [posted, left] = [await upload(), await upload()];
    await post("one of two", posted);
    await later(23 * 60);
    expect([await shown(posted), await shown(left)]).toEqual([THERE, THERE]);
    await later(61);
    expect([await shown(posted), await shown(left)]).toEqual([THERE, GONE]);
    expect([await rowsOf(posted), await rowsOf(left)]).toEqual([1, 0]);
    const late = await ann.ask<{ error: string }>("POST", "/api/v1/statuses", { media_ids: [left.id] });
    expect([late.status, late.body.error]).toEqual([422, expect.stringContaining("upload it again")]);
  });

  test("media of a deleted post can be posted again for an hour; then they are gone", async () => {
    const [one, two] = [await upload(), await upload()];
    const first = await post("first", one, two);
    // What the upload was listed with is long over by now.
    await later(25 * 60);
    const deleted = await ann.delete<Post>(`/api/v1/statuses/${first.id}`);
    expect(deleted.text).toBe("first");
    expect(deleted.media_attachments.map(({ id, url }) => ({ id, url }))).toEqual(
      [one, two].map(({ id, url }) => ({ id, url })),
    );
    await later(59);
    expect([await shown(one), await shown(two)]).toEqual([THERE, THERE]);
    const again = await post("again", one);
    await later(2);
    expect([await shown(one), await shown(two)]).toEqual([THERE, GONE]);
    await ann.delete(`/api/v1/statuses/${again.id}`);
    await later(61);
    expect([await shown(one), await rowsOf(one)]).toEqual([GONE, 0]);
  });

  const asForm = { "content-type": "application/x-www-form-urlencoded" };
  test.each([
    ["address", "?delete_media=true", undefined, {}],
    ["form", "", "delete_media=1", asForm],
    ["JSON", "", '{"delete_media":true}', { "content-type": "application/json" }],
  ])("delete_media in the %s takes them with the post, at once", async (_, query, body, headers) => {
    const one = await upload();
    const { id } = await post("for ever", one);
    const deleted = await ann.ask<Post>("DELETE", `/api/v1/statuses/${id}${query}`, body, headers);
    expect([deleted.status, deleted.body.text]).toEqual([200, "for ever"]);
    expect([await shown(one), await rowsOf(one)]).toEqual([GONE, 0]);
    expect((await ann.ask("POST", "/api/v1/statuses", { media_ids: [one.id] })).status).toBe(422);
  });

  test("delete_media that is false leaves the hour, and one that is neither is refused and deletes nothing", async () => {
    const one = await upload();
    const { id } = await post("stays", one);
    const refused = await ann.ask("DELETE", `/api/v1/statuses/${id}`, { delete_media: { a: [1] } });
    expect([refused.status >= 400 && refused.status < 500, await shown(one)]).toEqual([true, THERE]);
    await ann.get(`/api/v1/statuses/${id}`);
    await ann.delete(`/api/v1/statuses/${id}?delete_media=false`);
    expect([await shown(one), await rowsOf(one)]).toEqual([THERE, 1]);
  });

  test("an upload is deleted at once by its owner, and by nobody else", async () => {
    const [one, two] = [await upload(), await upload()];
    expect((await ben.ask("DELETE", `/api/v1/media/${one.id}`)).status).toBe(404);
    const answer = await ann.ask("DELETE", `/api/v1/media/${one.id}`);
    expect([answer.status, answer.body, await shown(one), await rowsOf(one)]).toEqual([200, {}, GONE, 0]);
    for (const id of [one.id, "1", "no-id", "9".repeat(30)])
      expect((await ann.ask("DELETE", `/api/v1/media/${id}`)).status, id).toBe(404);
    await post("has two", two);
    const used = await ann.ask("DELETE", `/api/v1/media/${two.id}`);
    expect([used.status, used.body]).toEqual([
      422,
      { error: "Media attachment is currently used by a status" },
    ]);
    expect(await shown(two)).toEqual(THERE);
  });

  test("what an edit takes away stays for the history, belongs to that post alone, and goes with it", async () => {
    const [one, two, three] = [await upload(), await upload(), await upload()];
    const { id } = await post("with one", one);
    await ann.put(`/api/v1/statuses/${id}`, { status: "with two", media_ids: [two.id] });
    await later(48 * 60);
    const history = await ann.get<Post[]>(`/api/v1/statuses/${id}/history`);
    expect(history.map(({ media_attachments: [media] }) => media?.id)).toEqual([one.id, two.id]);
    expect([await shown(one), await shown(two), await shown(three)]).toEqual([THERE, THERE, GONE]);
    expect((await ann.ask("POST", "/api/v1/statuses", { media_ids: [one.id] })).status).toBe(422);
    expect((await ann.ask("PUT", `/api/v1/media/${one.id}`, { description: "no" })).status).toBe(404);
    expect((await ann.ask("DELETE", `/api/v1/media/${one.id}`)).status).toBe(422);
    // Back in, and out again.
    await ann.put(`/api/v1/statuses/${id}`, { status: "both", media_ids: [two.id, one.id] });
    await ann.put(`/api/v1/statuses/${id}`, { status: "none", media_ids: [] });
    await later(48 * 60);
    expect([await shown(one), await shown(two)]).toEqual([THERE, THERE]);
    await ann.delete(`/api/v1/statuses/${id}`);
    await later(59);
    expect([await shown(one), await shown(two)]).toEqual([THERE, THERE]);
    await later(2);
    expect([await shown(one), await shown(two)]).toEqual([GONE, GONE]);
    expect([await rowsOf(one), await rowsOf(two)]).toEqual([0, 0]);
  });

  test("with delete_media, what only the history showed goes at once, too", async () => {
    const [one, two] = [await upload(), await upload()];
    const { id } = await post("with one", one);
    await ann.put(`/api/v1/statuses/${id}`, { status: "with two", media_ids: [two.id] });
    await ann.delete(`/api/v1/statuses/${id}?delete_media=true`);
    expect([await shown(one), await shown(two)]).toEqual([GONE, GONE]);
  });

  test("a replaced avatar or header is there for another hour", async () => {
    interface Pictures {
      readonly avatar: string;
      readonly header: string;
    }
    const change = async (field: string) => {
      const answer = await ann.ask<Pictures>(
        "PATCH",
        "/api/v1/accounts/update_credentials",
        await formWith(field),
      );
      expect(answer.status).toBe(200);
      return answer.body;
    };
    const both = ({ avatar, header }: Pictures) => shown({ url: avatar, preview_url: header });
    await change("avatar");
    const before = await change("header");
    await later(48 * 60);
    expect(await both(before)).toEqual(THERE);
    await change("avatar");
    const after = await change("header");
    await later(59);
    expect([await both(before), await both(after)]).toEqual([THERE, THERE]);
    await later(2);
    expect([await both(before), await both(after)]).toEqual([GONE, THERE]);
    await later(48 * 60);
    expect(await both(after)).toEqual(THERE);
    // A change that is refused leaves the picture that came with it for an hour, and the one before for good.
    const form = await formWith("avatar");
    form.set("display_name", "x".repeat(31));
    expect((await ann.ask("PATCH", "/api/v1/accounts/update_credentials", form)).status).toBe(422);
    const { rows } = await sql<{ key: string }>`select key from expiring_files`.execute(roost.database.db);
    const left = rows.filter(({ key }) => key.startsWith("avatars/"));
    expect(left).toHaveLength(1);
    const address = `${ann.url}/media/${left[0]?.key}`;
    expect((await fetch(address)).status).toBe(200);
    await later(61);
    expect([(await fetch(address)).status, await both(after)]).toEqual([404, THERE]);
  });

  test("a medium in a post is described by editing the post, which the history tells", async () => {
    const one = await upload();
    const changed = await ann.ask<Media>("PUT", `/api/v1/media/${one.id}`, {
      description: "a",
      focus: "0,0.5",
    });
    expect([changed.status, changed.body.description, changed.body.meta.focus]).toEqual([
      200,
      "a",
      { x: 0, y: 0.5 },
    ]);
    const { id } = await post("described", one);
    for (const body of [{ description: "b" }, { focus: "1,1" }])
      expect((await ann.ask("PUT", `/api/v1/media/${one.id}`, body)).status).toBe(404);
    const edit = (media_attributes: unknown) =>
      ann.ask<Post>("PUT", `/api/v1/statuses/${id}`, { status: "described", media_attributes });
    const same = await edit([{ id: one.id, description: "a", focus: "0.0,0.5" }]);
    expect([same.status, same.body.edited_at]).toEqual([200, null]);
    const moved = await edit([{ id: one.id, focus: "-1,1" }]);
    expect(moved.body.edited_at).not.toBeNull();
    expect(moved.body.media_attachments).toMatchObject([
      { description: "a", meta: { focus: { x: -1, y: 1 } } },
    ]);
    await edit([{ id: one.id, description: "" }]);
    const history = await ann.get<Post[]>(`/api/v1/statuses/${id}/history`);
    expect(history.map(({ media_attachments: [media] }) => [media?.description, media?.meta.focus])).toEqual([
      ["a", { x: 0, y: 0.5 }],
      ["a", { x: -1, y: 1 }],
      [null, { x: -1, y: 1 }],
    ]);
    for (const wrong of [{ focus: "2,0" }, { focus: "left" }, { description: "x".repeat(1_501) }])
      expect((await edit([{ id: one.id, ...wrong }])).status).toBe(422);
    // Of another post, or another's: as if it weren't said.
    const [other, bens] = [await upload(), await upload(ben)];
    await edit([
      { id: other.id, description: "no" },
      { id: bens.id, description: "no" },
    ]);
    expect((await ann.get<Media>(`/api/v1/media/${other.id}`)).description).toBeNull();
    expect((await ben.get<Media>(`/api/v1/media/${bens.id}`)).description).toBeNull();
    expect(await ann.get<Post[]>(`/api/v1/statuses/${id}/history`)).toHaveLength(3);
  });

  test("all media of an account go with it, and nobody else's", async () => {
    const [one, two, three, bens] = [await upload(), await upload(), await upload(), await upload(ben)];
    const { id } = await post("with one", one);
    await ann.put(`/api/v1/statuses/${id}`, { status: "with two", media_ids: [two.id] });
    const { avatar, header } = (
      await ann.ask<{ avatar: string; header: string }>(
        "PATCH",
        "/api/v1/accounts/update_credentials",
        await formWith("avatar"),
      )
    ).body;
    await deleteMediaOf(roost.database, annId);
    await later(0);
    const all = [one, two, three, { url: avatar, preview_url: header }];
    for (const media of all) expect(await shown(media)).toEqual(GONE);
    expect(await shown(bens)).toEqual(THERE);
    const left = await own()
      .selectFrom("media_attachments")
      .select("id")
      .where("account_id", "=", annId)
      .execute();
    expect(left).toEqual([]);
  });

  test("after all of this, store and databases agree, and nothing is left that nobody needs", async () => {
    const store = inADay(roost.api.mediaStore);
    let told = [0, 0, 0];
    const context = {
      databases: databases(),
      store,
      onProgress: (...counts: [number, number, number]) => {
        told = counts;
      },
    };
    expect(await Array.fromAsync(disagreements(context))).toEqual([]);
    expect(await Array.fromAsync(unusedRows(context))).toEqual([]);
    const [done, total, files] = told;
    expect(done).toBe(total);
    expect(files).toBeGreaterThan(1);
    // What nothing names is found, among what is named.
    const keys = ["attachments/1/0.png", `attachments/${annId}/0.png`, "avatars/9/9.png", "headers/9/9.png"];
    const others = ["another/attachments/1/0.png", "attachments/logo.png", "zoo.png"];
    for (const key of [...keys, ...others]) await store.put(key, Buffer.from("a"), "image/png");
    const found = await Array.fromAsync(disagreements(context));
    expect(found).toMatchObject(keys.map((key) => ({ kind: "file", key, sizeBytes: 1 })));
    expect(await Array.fromAsync(disagreements({ ...context, store: roost.api.mediaStore }))).toEqual([]);
    for (const key of [...keys, ...others]) await store.delete(key);
  });

  test("what is deleted is counted", async () => {
    const told = async (name: string) =>
      Number(
        (await (await fetch(`${ann.url}/metrics`)).text()).match(new RegExp(`^${name} (\\d+)`, "m"))?.[1],
      );
    const files = await told("roost_media_deleted_files_total");
    const bytes = await told("roost_media_deleted_bytes_total");
    const one = await upload();
    const sizes = await Promise.all(
      [one.url, one.preview_url].map(async (url) => (await (await file(url)).arrayBuffer()).byteLength),
    );
    await ann.delete(`/api/v1/media/${one.id}`);
    expect((await told("roost_media_deleted_files_total")) - files).toBe(2);
    expect((await told("roost_media_deleted_bytes_total")) - bytes).toBe(
      sizes.reduce((sum, size) => sum + size, 0),
    );
    expect(await told("roost_media_delete_failures_total")).toBe(0);
    expect(await told("roost_media_waiting_files")).toBe(0);
  });
});
