import { createServer } from "node:net";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { hasRedis } from "../../cluster/redis.ts";
import { sleep } from "../../core/clock.ts";
import { addressOf, evenTags, slotOf } from "./address.ts";
import { RedisClient } from "./client.ts";
import { spawnRedis } from "./spawned.ts";

describe("REDIS_URL", () => {
  test("is taken apart in all its forms, and shown without who signs in", () => {
    expect(addressOf("redis://ann:p%40ss@example.org/3")).toMatchObject({
      form: "single",
      nodes: [{ host: "example.org", port: 6379 }],
      username: "ann",
      password: "p@ss",
      database: 3,
      tls: false,
      shown: "redis://example.org/3",
    });
    expect(addressOf("rediss://[::1]:7000")).toMatchObject({
      nodes: [{ host: "::1", port: 7000 }],
      tls: true,
    });
    expect(addressOf("redis+sentinel://:secret@a:1,b/main")).toMatchObject({
      form: "sentinel",
      nodes: [
        { host: "a", port: 1 },
        { host: "b", port: 26_379 },
      ],
      group: "main",
      username: undefined,
      password: "secret",
      shown: "redis+sentinel://a:1,b/main",
    });
    expect(addressOf("redis+cluster://a:1,b:2")).toMatchObject({
      form: "cluster",
      nodes: [
        { host: "a", port: 1 },
        { host: "b", port: 2 },
      ],
    });
  });

  test("slots are those of Redis", () => {
    expect(slotOf("123456789")).toBe(12_739);
    expect(slotOf("x{123456789}y")).toBe(12_739);
    const slots = evenTags(64).map(slotOf);
    expect(slots.map((slot) => Math.floor(slot / 256))).toEqual(Array.from({ length: 64 }, (_, i) => i));
  });
});

async function refusal(url: string): Promise<string> {
  const opening = RedisClient.open({ url, keyPrefix: "x", log: pino({ level: "silent" }) });
  return opening.then(
    async (client) => {
      await client[Symbol.asyncDispose]();
      return "opened";
    },
    (error: Error) => error.message,
  );
}

describe.skipIf(!hasRedis())("at the start (needs redis-server)", () => {
  const redis = spawnRedis({ form: "single", settings: ["requirepass secret"] });
  const port = () => redis.servers.portOf("redis-1");

  test("says in a sentence, without the password, what is wrong with REDIS_URL", async () => {
    expect(await refusal("redis://:hidden@127.0.0.1:1")).toMatch(
      /^REDIS_URL names redis:\/\/127\.0\.0\.1:1, where nothing listens: start it or/,
    );
    expect(await refusal(`redis://:hidden@127.0.0.1:${port()}`)).toMatch(/refuses user or password/);
    expect(await refusal(`redis://127.0.0.1:${port()}`)).toMatch(/refuses user or password/);
    expect(await refusal(`redis+cluster://:secret@127.0.0.1:${port()}`)).toMatch(
      /is no cluster: write redis:\/\//,
    );
    expect(await refusal(`redis+sentinel://:secret@127.0.0.1:${port()}/main`)).toMatch(/REDIS_URL names/);
    expect(await refusal(`redis://:secret@127.0.0.1:${port()}`)).toBe("opened");
    await using other = await listening((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    expect(await refusal(`redis://:hidden@127.0.0.1:${other.port}`)).toMatch(/doesn't answer as Redis does/);
    for (const url of [`redis://:hidden@127.0.0.1:${other.port}`, `redis://:hidden@127.0.0.1:${port()}`])
      expect(await refusal(url)).not.toMatch(/hidden/);
  });

  test("doesn't wait for ever for one that says nothing", async () => {
    await using silent = await listening(() => {});
    expect(await refusal(`redis://127.0.0.1:${silent.port}`)).toMatch(/doesn't answer/);
  });
});

describe.skipIf(!hasRedis())("a server that freezes and comes back (needs redis-server)", () => {
  const redis = spawnRedis({ form: "single" });

  test("leaves no command without an outcome, also those sent without a deadline", async () => {
    const client = await redis.client();
    const [connection] = client.primaries("prompt");
    redis.servers.freeze("redis-1");
    const outcome = connection?.get("x").then(
      () => "answered",
      () => "failed",
    );
    // The connection is given up for its silence, and made anew.
    await new Promise((resolve) => connection?.once("close", resolve));
    redis.servers.thaw("redis-1");
    await new Promise((resolve) => connection?.once("ready", resolve));
    expect(await Promise.race([outcome, sleep(1_000).then(() => "forgotten")])).toBe("failed");
  });
});

async function listening(answer: (socket: import("node:net").Socket) => void) {
  const sockets = new Set<import("node:net").Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    answer(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" ? address?.port : 0,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
