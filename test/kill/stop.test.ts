/** What holds a server up when it is told to stop: nothing for long. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { signUp } from "../support/client.ts";
import { testCluster } from "../support/cluster-tenant.ts";
import { type RunningRoost, startRoost } from "../support/start-roost.ts";

let roost: RunningRoost;
const sockets: Socket[] = [];

beforeEach(async () => {
  if (alone) roost = await startRoost();
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await roost?.[Symbol.asyncDispose]();
});

/** A connection that has sent this much, and sends nothing more by itself. */
async function connection(sent: string): Promise<{ socket: Socket; received: () => string }> {
  const { hostname, port } = new URL(roost.url);
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  let received = "";
  socket.on("data", (chunk) => {
    received += chunk.toString();
  });
  socket.on("error", () => undefined);
  await once(socket, "connect");
  if (sent !== "") await new Promise((resolve) => socket.write(sent, resolve));
  return { socket, received: () => received };
}

const HEAD = "Host: localhost\r\nConnection: keep-alive\r\n";

// A balancer has connections of its own: what is told here is what a process does with those that reach it.
const alone = testCluster === null;

describe.runIf(alone)("SIGTERM ends the server with 0", () => {
  test.each([
    ["never sent anything", ""],
    ["sent half of a request's head", `GET /livez HTTP/1.1\r\n${HEAD}X-More: `],
    ["is kept open after an answer", `GET /livez HTTP/1.1\r\n${HEAD}\r\n`],
    [
      "asked for the second half after an answer",
      `GET /livez HTTP/1.1\r\n${HEAD}\r\nGET /livez HTTP/1.1\r\n`,
    ],
  ])("in less than 3 s when a connection %s", async (_, sent) => {
    await connection(sent);
    // Its connection came after the other: once this is answered, the server knows of both.
    await fetch(`${roost.url}/livez`, { headers: { connection: "close" } });
    const startedMs = performance.now();
    expect(await roost.stop(), roost.output()).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(3_000);
  });

  test("after a request under way has had 10 s to be sent", async () => {
    const { received } = await connection(
      `POST /api/v1/apps HTTP/1.1\r\n${HEAD}Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{`,
    );
    await fetch(`${roost.url}/livez`, { headers: { connection: "close" } });
    const startedMs = performance.now();
    expect(await roost.stop(), roost.output()).toBe(0);
    const passedMs = performance.now() - startedMs;
    expect(passedMs).toBeGreaterThan(9_000);
    expect(passedMs).toBeLessThan(14_000);
    expect(received()).toBe("");
  });
});

test.runIf(alone)(
  "a request that was under way at SIGTERM, and takes longer than others are given, is answered",
  async () => {
    const [person] = await signUp(roost.url, "wren");
    const body = JSON.stringify({ status: "Sent slowly" });
    const { socket, received } = await connection(
      `POST /api/v1/statuses HTTP/1.1\r\n${HEAD}Authorization: Bearer ${person?.client.token}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 5)}`,
    );
    const { socket: silent } = await connection("");
    await fetch(`${roost.url}/livez`, { headers: { connection: "close" } });
    const cut = new Promise((resolve) => silent.once("close", resolve));
    const stopped = roost.stop();
    await cut;
    socket.write(body.slice(5));
    expect(await stopped, roost.output()).toBe(0);
    expect(received()).toMatch(/^HTTP\/1\.1 200 /);
    expect(received()).toContain("Sent slowly");
  },
  60_000,
);
