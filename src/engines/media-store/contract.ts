import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CONTENT_TYPES, type MediaStore } from "./port.ts";

/** What every media store does. `open` gives an empty one. */
export function mediaStoreContract(open: () => Promise<MediaStore>): void {
  let store: MediaStore;
  beforeEach(async () => {
    store = await open();
  });
  afterEach(() => store[Symbol.asyncDispose]());

  async function read(key: string): Promise<Buffer | null> {
    const found = await store.get(key);
    if (!found) return null;
    const body = await buffer(found.body);
    expect(found.sizeBytes).toBe(body.length);
    return body;
  }

  describe("as every media store", () => {
    test("gives back what was put, byte for byte, with its type", async () => {
      for (const [extension, contentType] of CONTENT_TYPES) {
        const key = `media/12/34/name.small.${extension}`;
        const body = Buffer.from([0, 255, 13, 10, 128, ...Buffer.from(extension)]);
        await store.put(key, body, contentType);
        const found = await store.get(key);
        expect(found).toMatchObject({ contentType, sizeBytes: body.length });
        expect(found && (await buffer(found.body))).toEqual(body);
      }
    });

    test("keeps bodies of no bytes and of megabytes", async () => {
      const large = Buffer.alloc(5_000_000, "roost");
      await store.put("a/empty.png", Buffer.alloc(0), "image/png");
      await store.put("a/large.png", large, "image/png");
      expect(await read("a/empty.png")).toEqual(Buffer.alloc(0));
      expect((await read("a/large.png"))?.equals(large)).toBe(true);
    });

    test("isn't changed by what the caller does to the body afterwards", async () => {
      const body = Buffer.from("before");
      await store.put("a.png", body, "image/png");
      body.fill("x");
      expect(await read("a.png")).toEqual(Buffer.from("before"));
    });

    test("gives null for what was never put, for folders, and for what is no key", async () => {
      await store.put("media/1/a.png", Buffer.from("a"), "image/png");
      const absent = [
        "media/1/b.png",
        "media/1",
        "media",
        "media/1/a.png/b.png",
        "media/1/a",
        "media/1/a.html",
      ];
      const noKeys = [
        "",
        "/",
        "media/",
        "/media/1/a.png",
        "media//1/a.png",
        "media/./1/a.png",
        "media/../media/1/a.png",
      ];
      const hostile = [
        "../a.png",
        "..",
        "media/1/..%2fa.png",
        "media\\1\\a.png",
        "a\0.png",
        ".partial/a.png",
        "A.png",
      ];
      for (const key of [...absent, ...noKeys, ...hostile, `${"a/".repeat(200)}a.png`]) {
        expect(await store.get(key), key).toBeNull();
      }
    });

    test("refuses to put what is no key, or a type that isn't the key's", async () => {
      for (const key of [
        "../a.png",
        "/a.png",
        ".a.png",
        "a/.png",
        "a//b.png",
        "a.svg",
        "a",
        "",
        `${"a".repeat(200)}.png`,
      ]) {
        await expect(store.put(key, Buffer.from("x"), "image/png"), key).rejects.toThrow("invariant");
      }
      await expect(store.put("a.png", Buffer.from("x"), "image/jpeg")).rejects.toThrow("invariant");
      await expect(store.put("a.svg", Buffer.from("x"), "image/svg+xml")).rejects.toThrow("invariant");
    });

    test("deletes, and deletes again", async () => {
      await store.put("m/1/a.gif", Buffer.from("a"), "image/gif");
      await store.put("m/1/b.gif", Buffer.from("b"), "image/gif");
      await store.delete("m/1/a.gif");
      await store.delete("m/1/a.gif");
      for (const key of ["m/1", "m", "../x", ""]) await store.delete(key);
      expect(await read("m/1/a.gif")).toBeNull();
      expect(await read("m/1/b.gif")).toEqual(Buffer.from("b"));
    });

    test("an open body survives its deletion", async () => {
      const body = Buffer.alloc(1_000_000, "abc");
      await store.put("a.webp", body, "image/webp");
      const found = await store.get("a.webp");
      await store.delete("a.webp");
      expect(found && (await buffer(found.body)).equals(body)).toBe(true);
    });

    test("puts at once, whether to many keys or twice to one, leave whole bodies", async () => {
      const body = (name: string) => Buffer.alloc(200_000, name);
      const names = Array.from({ length: 20 }, (_, index) => `${index}`);
      await Promise.all([
        ...names.map((name) => store.put(`deep/${name}/x.jpg`, body(name), "image/jpeg")),
        store.put("same.jpg", body("same"), "image/jpeg"),
        store.put("same.jpg", body("same"), "image/jpeg"),
      ]);
      for (const name of names)
        expect((await read(`deep/${name}/x.jpg`))?.equals(body(name)), name).toBe(true);
      expect((await read("same.jpg"))?.equals(body("same"))).toBe(true);
    });
  });
}
