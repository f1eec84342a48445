import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sleep, systemClock } from "../../core/clock.ts";
import { Unavailable } from "../../core/errors.ts";
import { mediaStoreContract } from "./contract.ts";
import { type S3Address, S3MediaStore, type S3MediaStoreOptions } from "./s3.ts";
import { type SpawnedS3, s3Server, startS3 } from "./spawned.ts";

const program = s3Server();

describe.skipIf(program === null)("media in S3 (needs moto_server)", () => {
  let s3: SpawnedS3;
  let prefixes = 0;
  const logged: string[] = [];
  const log = pino({ level: "info" }, { write: (line: string) => void logged.push(JSON.parse(line).msg) });
  beforeAll(async () => {
    s3 = await startS3(program ?? "");
  });
  afterAll(() => s3?.[Symbol.asyncDispose]());

  const open = (change: Partial<S3Address> = {}, options: Partial<S3MediaStoreOptions> = {}) =>
    new S3MediaStore({ ...s3.address, ...change }, { log, clock: systemClock, ...options });

  mediaStoreContract(async () => open({ prefix: `test-${++prefixes}/media` }));

  test("stores with the same bucket and prefix share what they keep, others don't", async () => {
    await using one = open({ prefix: "shared" });
    await using same = open({ prefix: "shared" });
    await using other = open();
    await one.put("media/1/a.png", Buffer.from("a"), "image/png");
    const found = await same.get("media/1/a.png");
    expect(found && (await buffer(found.body))).toEqual(Buffer.from("a"));
    expect(await other.get("media/1/a.png")).toBeNull();
  });

  test("a bucket that isn't there, or keys that may not write, aren't taken for nothing there", async () => {
    await using lost = open({ bucket: "none" });
    await expect(lost.get("a.png")).rejects.toThrow(Unavailable);
    const { S3_ACCESS_KEY_ID: accessKeyId = "", S3_SECRET_ACCESS_KEY: secretAccessKey = "" } =
      s3.readerSettings;
    await using reader = open({ accessKeyId, secretAccessKey });
    await expect(reader.put("a.png", Buffer.from("a"), "image/png")).rejects.toThrow(Unavailable);
    await using store = open();
    expect(await store.get("a.png")).toBeNull();
  });

  test("what goes wrong is told without keys, which Amazon's errors repeat", async () => {
    const says =
      "<Code>InvalidAccessKeyId</Code><Message>no</Message><AWSAccessKeyId>AKIASTRANGER</AWSAccessKeyId>";
    const amazon = createServer((_, answer) => answer.writeHead(403).end(`<Error>${says}</Error>`));
    await new Promise<void>((resolve) => amazon.listen(0, "127.0.0.1", resolve));
    const endpoint = `http://127.0.0.1:${(amazon.address() as AddressInfo).port}`;
    await using stranger = open({ endpoint, accessKeyId: "AKIASTRANGER" });
    const error: Unavailable = await stranger.get("a.png").then(
      () => expect.unreachable(),
      (thrown) => thrown,
    );
    amazon.close();
    const lines: string[] = [];
    pino({}, { write: (line: string) => void lines.push(line) }).warn({ err: error.cause }, "refused");
    expect(lines.join()).toContain("InvalidAccessKeyId");
    expect(lines.join()).not.toContain("AKIASTRANGER");
  });

  test("bodies that nobody reads to their end hold no connection", async () => {
    await using store = open();
    await store.put("large.png", Buffer.alloc(4_000_000, "a"), "image/png");
    // More than there are connections.
    for (let round = 0; round < 12; round++) {
      const found = await Promise.all(Array.from({ length: 10 }, () => store.get("large.png")));
      for (const [index, one] of found.entries()) {
        if (index % 2 === 0) await once(one?.body ?? new PassThrough(), "readable");
        one?.body.destroy();
      }
    }
    const found = await store.get("large.png");
    expect(found && (await buffer(found.body))).toHaveLength(4_000_000);
  });

  describe("while the store is away", () => {
    const deadlinesMs = { answer: 500, bodyPause: 700 };
    const large = Buffer.alloc(30_000_000, "roost");

    test("frozen: each call is refused in time, one line is logged, and all works again afterwards", async () => {
      const changes: boolean[] = [];
      await using store = open({}, { deadlinesMs, onChange: (isAway) => void changes.push(isAway) });
      await store.put("kept.png", Buffer.from("kept"), "image/png");
      logged.length = 0;
      s3.freeze();
      const startedMs = performance.now();
      const calls = Array.from({ length: 30 }, (_, index) => [
        store.get("kept.png"),
        store.put(`new-${index}.png`, Buffer.alloc(100_000, "x"), "image/png"),
        store.delete("kept.png"),
      ]);
      for (const settled of await Promise.allSettled(calls.flat()))
        expect(settled).toMatchObject({ status: "rejected", reason: expect.any(Unavailable) });
      await expect(store.get("kept.png")).rejects.toThrow("Media can't be stored or read right now");
      expect(performance.now() - startedMs).toBeLessThan(4_000);
      s3.thaw();
      await expect
        .poll(() =>
          store.put("after.png", Buffer.from("a"), "image/png").then(
            () => "kept",
            () => "",
          ),
        )
        .toBe("kept");
      expect(changes).toEqual([true, false]);
      expect(logged).toEqual([
        expect.stringMatching(/^bucket roost-media at http:.* can't be used; until it's back, /),
        expect.stringMatching(/^bucket roost-media at http:.* is back$/),
      ]);
      // What it had been sent, it may have done since: as a whole, or not at all.
      for (let index = 0; index < 30; index++) {
        const found = await store.get(`new-${index}.png`);
        if (found) expect(await buffer(found.body)).toEqual(Buffer.alloc(100_000, "x"));
      }
    });

    test("frozen in the middle of a body: its reader gets an error, not a shorter body", async () => {
      await using store = open({}, { deadlinesMs });
      await store.put("middle.png", large, "image/png");
      const found = await store.get("middle.png");
      await once(found?.body ?? new PassThrough(), "readable");
      s3.freeze();
      await expect(buffer(found?.body ?? new PassThrough())).rejects.toThrow("no more bytes");
      s3.thaw();
    });

    test("a reader may take longer than the store may", async () => {
      await using store = open({}, { deadlinesMs });
      await store.put("slow.png", large, "image/png");
      const found = await store.get("slow.png");
      let bytes = 0;
      for await (const chunk of found?.body ?? []) {
        if (bytes === 0) await sleep(2 * deadlinesMs.bodyPause);
        bytes += chunk.length;
      }
      expect(bytes).toBe(large.length);
    });

    test("killed: in the middle of a body and of a put, then away, then back", async () => {
      await using store = open();
      await store.put("killed.png", large, "image/png");
      const found = await store.get("killed.png");
      await once(found?.body ?? new PassThrough(), "readable");
      const putting = store.put("half.png", large, "image/png");
      const cut = expect(putting).rejects.toThrow(Unavailable);
      await s3.kill();
      await cut;
      await expect(buffer(found?.body ?? new PassThrough())).rejects.toThrow(/aborted|ECONNRESET/);
      const startedMs = performance.now();
      await expect(store.get("killed.png")).rejects.toThrow(Unavailable);
      expect(performance.now() - startedMs).toBeLessThan(2_000);
      await s3.restart();
      await expect.poll(() => store.get("half.png").catch(() => "away")).toBeNull();
    });
  });
});
