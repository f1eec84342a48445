/** Several processes at one port: each does its part, and one that ends takes nothing of the others with it. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { openSharedPlace, type RunningPart, type SharedPlace } from "../../test/support/parts.ts";
import { isRunning } from "../../test/support/start-roost.ts";
import { waitFor } from "../../test/support/wait.ts";
import { hasRedis } from "../cluster/redis.ts";
import { emptyFolder, roost } from "./spawned.ts";

let place: SharedPlace;
const sockets: Socket[] = [];
beforeAll(async () => {
  if (hasRedis()) place = await openSharedPlace();
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(() => place?.[Symbol.asyncDispose]());

const processesOf = (primary: RunningPart) =>
  readFileSync(`/proc/${primary.pid}/task/${primary.pid}/children`, "utf8")
    .split(" ")
    .filter((pid) => pid !== "")
    .map(Number);

const BODY = JSON.stringify({ client_name: "Slow", redirect_uris: "urn:ietf:wg:oauth:2.0:oob" });

/** A request whose second half is still to come. */
async function begun(
  url: string,
): Promise<{ finish: () => void; answer: () => string; isClosed: () => boolean }> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  let received = "";
  socket.on("data", (chunk) => {
    received += chunk.toString();
  });
  socket.on("error", () => undefined);
  await once(socket, "connect");
  const head = `POST /api/v1/apps HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
  socket.write(`${head}Content-Length: ${BODY.length}\r\n\r\n${BODY.slice(0, 10)}`);
  return {
    finish: () => void socket.write(BODY.slice(10)),
    answer: () => received.slice(0, 12),
    isClosed: () => socket.destroyed,
  };
}

const metric = async (url: string, name: string) => {
  const text = await (await fetch(`${url}/metrics`)).text();
  return text.split("\n").filter((line) => line.startsWith(name));
};

it("processes share no database that one of them runs", async () => {
  const { code, stderr } = await roost(["start", "--processes", "2"], {}, emptyFolder());
  expect(code).toBe(78);
  expect(stderr).toContain("needs DATABASE_URL and REDIS_URL");
});

describe.runIf(hasRedis() && process.platform === "linux")("several processes (needs redis-server)", () => {
  it("deal out connections; one that is killed is replaced, and the others' requests are answered", async () => {
    const api = await place.start(["api", "--processes", "2"]);
    const slow = await Promise.all(Array.from({ length: 10 }, () => begun(api.url)));
    const [killed, stays] = processesOf(api);
    // Requests that came after the others, on connections of their own: all have been read by then.
    for (let i = 0; i < 4; i++) await fetch(`${api.url}/livez`, { headers: { connection: "close" } });
    process.kill(killed ?? 0, "SIGKILL");
    // Dealt out in turn, but for a process that was busy when its turn came: so how many each has is not certain.
    const closed = () => slow.filter((one) => one.isClosed()).length;
    await waitFor(() => closed() > 0, 5_000, "its connections end");
    for (const one of slow) if (!one.isClosed()) one.finish();
    const answered = () => slow.filter((one) => one.answer() === "HTTP/1.1 200").length;
    await waitFor(() => closed() + answered() >= slow.length, 5_000, "the others' requests are answered");
    expect(answered()).toBeGreaterThan(0);
    for (let i = 0; i < 20; i++) {
      const { status } = await fetch(`${api.url}/api/v2/instance`, { headers: { connection: "close" } });
      expect(status).toBe(200);
    }
    await waitFor(() => processesOf(api).length === 2, 20_000, "another takes its place");
    expect(processesOf(api)).toContain(stays);
    expect(processesOf(api)).not.toContain(killed);
    expect(api.output()).toMatch(/Process \d has ended \(SIGKILL\)/);
    expect(await api.stop(), api.output()).toBe(0);
  });

  it("tell their metrics together", async () => {
    const api = await place.start(["api", "--processes", "2"]);
    const asked = 10;
    for (let i = 0; i < asked; i++)
      await fetch(`${api.url}/api/v2/instance`, { headers: { connection: "close" } });
    const name = 'roost_http_request_duration_seconds_count{route="/api/v2/instance"';
    const counted = async () => Number((await metric(api.url, name))[0]?.split(" ").at(-1));
    await waitFor(async () => (await counted()) === asked, 10_000, "all are counted, whoever is asked");
    const pids = processesOf(api);
    expect(await api.stop(), api.output()).toBe(0);
    expect(pids.filter(isRunning)).toEqual([]);
  });

  it("end with the primary, even when that is killed", async () => {
    const api = await place.start(["api", "--processes", "2"]);
    const pids = processesOf(api);
    api.signal("SIGKILL");
    await waitFor(() => pids.filter(isRunning).length === 0, 10_000, "they end");
  });

  it("tell once what keeps them from starting", async () => {
    const settings = { ...place.settings, DATABASE_URL: "postgres://127.0.0.1:9/roost" };
    const { code, stderr } = await roost(["worker", "--processes", "2"], settings, emptyFolder());
    expect(code).toBe(69);
    expect(stderr.match(/error:/g)).toEqual(["error:"]);
  });
});
