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

  async function keysIn(): Promise<string[]> {
    const keys: string[] = [];
    for await (const { key } of store.list()) keys.push(key);
    return keys;
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

    test("deletes, says how much that was, and deletes again", async () => {
      await store.put("m/1/a.gif", Buffer.from("four"), "image/gif");
      await store.put("m/1/b.gif", Buffer.from("b"), "image/gif");
      await store.put("m/1/c.gif", Buffer.alloc(0), "image/gif");
      expect(await store.delete("m/1/a.gif")).toBe(4);
      expect(await store.delete("m/1/c.gif")).toBe(0);
      for (const key of ["m/1/a.gif", "m/1", "m", "m/1/b.gif/x.gif", "../x", ""])
        expect(await store.delete(key), key).toBeNull();
      expect(await read("m/1/a.gif")).toBeNull();
      expect(await read("m/1/b.gif")).toEqual(Buffer.from("b"));
    });

    test("lists what is there in the order of its characters, and how old it is", async () => {
      expect(await keysIn()).toEqual([]);
      // A folder's own name sorts elsewhere than with the slash behind it: before it come "-" and ".".
      const keys = [
        "a-b/1.png",
        "a.png",
        "a/1.png",
        "a/1.small.png",
        "a/10.png",
        "a/b/c.png",
        "a0/1.png",
        "z.gif",
      ];
      for (const key of keys.toReversed())
        await store.put(key, Buffer.alloc(key.length), key.endsWith("gif") ? "image/gif" : "image/png");
      expect(await keysIn()).toEqual(keys);
      expect(keys.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(keys);
      for await (const { key, sizeBytes, ageMs } of store.list()) {
        expect(sizeBytes, key).toBe(key.length);
        expect(Math.abs(ageMs), key).toBeLessThan(60_000);
      }
      await store.delete("a/1.png");
      expect(await keysIn()).toEqual(keys.filter((key) => key !== "a/1.png"));
    });

    test("lists more than a page of a store has", async () => {
      const keys = Array.from({ length: 1_100 }, (_, i) => `many/${1_000 + i}.png`);
      for (let from = 0; from < keys.length; from += 50) {
        const some = keys.slice(from, from + 50);
        await Promise.all(some.map((key) => store.put(key, Buffer.from("a"), "image/png")));
      }
      expect(await keysIn()).toEqual(keys);
    }, 60_000);

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
