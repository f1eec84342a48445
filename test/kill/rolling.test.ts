/** Servers behind HAProxy that are restarted one after the other, and one that dies: what people notice of it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { adminSocket, hasHaproxy, serverStates, startHaproxy } from "../../src/cluster/haproxy.ts";
import { hasNginx, startNginx } from "../../src/cluster/nginx.ts";
import { freePort } from "../../src/cluster/process.ts";
import { hasRedis } from "../../src/cluster/redis.ts";
import { type SignedUp, signUp } from "../support/client.ts";
import { openSharedPlace, type RunningPart, type SharedPlace } from "../support/parts.ts";
import { waitFor } from "../support/wait.ts";

const CHECK_MS = 500;
/** Longer than HAProxy needs to notice, and than nginx keeps connections. */
const DRAIN_MS = 4_000;

const canRun = hasHaproxy() && hasNginx() && hasRedis();
if (!canRun)
  console.log("skipped: servers behind a balancer, since HAProxy, nginx or redis-server isn't installed");

const opened = new AsyncDisposableStack();
const folder = mkdtempSync(join(tmpdir(), "roost-rolling-"));
const servers: { port: number; part: RunningPart }[] = [];
let place: SharedPlace;
let haproxy: { url: string; admin: string };
let nginx: { url: string };
let author: SignedUp;
let reader: SignedUp;

const startServer = (port: number) =>
  place.start(["api", "--processes", "1"], {
    PORT: `${port}`,
    DRAIN_MS: `${DRAIN_MS}`,
    TRUSTED_PROXIES: "127.0.0.1",
  });

beforeAll(async () => {
  if (!canRun) return;
  place = opened.use(await openSharedPlace());
  for (const _ of [1, 2]) {
    const port = await freePort();
    servers.push({ port, part: await startServer(port) });
  }
  await place.start(["worker", "--processes", "1"], { PORT: "" });
  const ports = servers.map(({ port }) => port);
  const at = { name: "haproxy", folder, port: await freePort(), servers: ports, checkMs: CHECK_MS };
  opened.use(await startHaproxy(at));
  haproxy = { url: `http://127.0.0.1:${at.port}`, admin: adminSocket(at) };
  const edge = { name: "nginx", folder, port: await freePort(), servers: ports };
  opened.use(await startNginx(edge));
  nginx = { url: `http://127.0.0.1:${edge.port}` };
  [author, reader] = (await signUp(haproxy.url, "wren", "lark")) as [SignedUp, SignedUp];
  await reader.client.follow(author.id);
});

afterAll(async () => {
  await opened.disposeAsync();
  rmSync(folder, { recursive: true, force: true });
});

/** Posts and reads, several at a time, until told to stop; everything that wasn't answered with 200. */
function load(url: string, atATime = 4) {
  const failed: string[] = [];
  const posted: string[] = [];
  let asked = 0;
  let isOver = false;
  const one = async (who: number): Promise<void> => {
    for (let i = 0; !isOver; i++) {
      asked++;
      const isPost = i % 4 === 0;
      const { client } = isPost ? author : reader;
      const what = isPost ? "POST /api/v1/statuses" : "GET /api/v1/timelines/home";
      try {
        const [method = "", path = ""] = what.split(" ");
        const answer = await fetch(`${url}${path}`, {
          method,
          headers: { authorization: `Bearer ${client.token}`, "content-type": "application/json" },
          ...(isPost ? { body: JSON.stringify({ status: `${who} says ${i}` }) } : {}),
        });
        const text = await answer.text();
        if (answer.status !== 200) failed.push(`${what}: ${answer.status} ${text}`);
        else if (isPost) posted.push((JSON.parse(text) as { id: string }).id);
      } catch (error) {
        failed.push(`${what}: ${(error as Error).cause ?? error}`);
      }
    }
  };
  const running = Promise.all(Array.from({ length: atATime }, (_, who) => one(who)));
  return {
    asked: () => asked,
    stop: async () => {
      isOver = true;
      await running;
      return { failed, posted, asked };
    },
  };
}

const stateOf = async (server: number) => (await serverStates(haproxy.admin)).get(`api-${server + 1}`);

async function restart(server: number): Promise<void> {
  const one = servers[server] as (typeof servers)[number];
  expect(await one.part.stop(), one.part.output()).toBe(0);
  one.part = await startServer(one.port);
  await waitFor(async () => (await stateOf(server)) === "UP", 15_000, "HAProxy takes it back");
}

describe.runIf(canRun)("two servers behind a balancer", () => {
  // HAProxy asks servers how they are, and sends a leaving one nothing. nginx can't: it makes connections to the end, and
  // one that waits to be accepted when a server stops listening is lost by the system, with the post that was sent on it.
  test.each([
    { balancer: "HAProxy", urlOf: () => haproxy.url, failures: "no request", mostAServer: 0 },
    { balancer: "nginx", urlOf: () => nginx.url, failures: "one at most for each server", mostAServer: 1 },
  ])(
    "are restarted one after the other under load through $balancer: $failures fails",
    async ({ urlOf, mostAServer }) => {
      const loading = load(urlOf());
      await waitFor(() => loading.asked() > 50, 15_000, "requests are under way");
      await restart(0);
      await restart(1);
      const { failed, posted, asked } = await loading.stop();
      expect(failed.length, failed.join("\n")).toBeLessThanOrEqual(2 * mostAServer);
      expect(asked).toBeGreaterThan(200);
      const newest = posted.at(-1) ?? "";
      const isHome = async () => (await reader.client.home()).some(({ id }) => id === newest);
      await waitFor(isHome, 15_000, "the last post is in the reader's home");
    },
    90_000,
  );

  test("one is killed under load: no more fails than was under way at it, and nothing a second later", async () => {
    const atATime = 4;
    const loading = load(haproxy.url, atATime);
    await waitFor(() => loading.asked() > 50, 15_000, "requests are under way");
    const [first] = servers;
    if (!first) throw new Error("no server");
    first.part.signal("SIGKILL");
    await waitFor(async () => (await stateOf(0)) === "DOWN", 10_000, "HAProxy knows");
    const { failed } = await loading.stop();
    expect(failed.length, failed.join("\n")).toBeLessThanOrEqual(atATime);
    const later = load(haproxy.url, atATime);
    await waitFor(() => later.asked() > 50, 15_000, "requests are under way");
    expect((await later.stop()).failed).toEqual([]);
    first.part = await startServer(first.port);
    await waitFor(async () => (await stateOf(0)) === "UP", 15_000, "HAProxy takes it back");
  }, 60_000);

  test.each([
    ["HAProxy", () => haproxy.url],
    ["nginx", () => nginx.url],
  ])(
    "streams pass %s as they come",
    async (_, urlOf) => {
      const socket = new WebSocket(
        `${urlOf().replace("http", "ws")}/api/v1/streaming?stream=user&access_token=${reader.client.token}`,
      );
      const events: string[] = [];
      socket.on("message", (data) => events.push((JSON.parse(`${data}`) as { event: string }).event));
      await new Promise((resolve) => socket.once("open", resolve));
      const stopping = new AbortController();
      const headers = { authorization: `Bearer ${reader.client.token}` };
      const answer = await fetch(`${urlOf()}/api/v1/streaming/user`, { headers, signal: stopping.signal });
      let text = "";
      const reading = (async () => {
        for await (const chunk of answer.body ?? []) text += Buffer.from(chunk as Uint8Array).toString();
      })().catch(() => {});
      await waitFor(() => text.includes(":)"), 5_000, "the stream is open");
      await author.client.publish("over the wire");
      await waitFor(() => events.includes("update") && text.includes("event: update"), 10_000, "both tell");
      socket.close();
      stopping.abort();
      await reading;
    },
    30_000,
  );

  test("who asks is counted by the address that is connected, whatever the request says", async () => {
    const limited = await place.start(["api", "--processes", "1"], {
      RATE_LIMITS: "on",
      TRUSTED_PROXIES: "127.0.0.1",
    });
    const behind = [Number(new URL(limited.url).port)];
    const ports = [await freePort(), await freePort()];
    await using _one = await startHaproxy({
      name: "haproxy-2",
      folder,
      port: ports[0] ?? 0,
      servers: behind,
    });
    await using _other = await startNginx({ name: "nginx-2", folder, port: ports[1] ?? 0, servers: behind });
    const left: number[] = [];
    for (const port of ports) {
      for (let i = 1; i <= 3; i++) {
        const headers = { "X-Forwarded-For": `10.7.7.${i}`, Forwarded: `for=10.7.7.${i}` };
        const answer = await fetch(`http://127.0.0.1:${port}/api/v2/instance`, { headers });
        left.push(Number(answer.headers.get("x-ratelimit-remaining")));
      }
    }
    const [first = 0] = left;
    expect(left).toEqual([0, 1, 2, 3, 4, 5].map((asked) => first - asked));
    // Past the balancer, from an address that is trusted, another client is another one.
    const headers = { "X-Forwarded-For": "10.7.7.1" };
    const direct = await fetch(`${limited.url}/api/v2/instance`, { headers });
    expect(Number(direct.headers.get("x-ratelimit-remaining"))).toBe(first);
    await limited.stop();
  }, 30_000);
});
