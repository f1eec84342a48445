/** What the deployed configuration of HAProxy promises, held by a real HAProxy and small servers. */

import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { type Backends, countAnswers, startBackends } from "../../test/support/backends.ts";
import { waitFor } from "../../test/support/wait.ts";
import {
  adminSocket,
  type HaproxyOptions,
  hasHaproxy,
  serverStates,
  startHaproxy,
  tellHaproxy,
} from "./haproxy.ts";
import { freePort } from "./process.ts";

const CHECK_MS = 300;
/** How long HAProxy waits for an answer to a check. */
const CHECK_ANSWER_MS = 2_000;
/** Two checks that are never answered, and what a busy machine needs on top. */
const NOTICED_MS_MAX = CHECK_MS + 500 + 2 * CHECK_ANSWER_MS + 1_500;

const opened = new AsyncDisposableStack();
const folder = mkdtempSync(join(tmpdir(), "roost-haproxy-"));
let backends: Backends;
beforeAll(async () => {
  if (hasHaproxy()) backends = opened.use(await startBackends(3, folder));
});
afterAll(async () => {
  await opened.disposeAsync();
  rmSync(folder, { recursive: true, force: true });
});

let started = 0;
async function balancer(options: Partial<HaproxyOptions> = {}) {
  const name = `haproxy-${++started}`;
  const port = await freePort();
  const settings = { name, folder, port, servers: backends.ports, checkMs: CHECK_MS, ...options };
  const managed = await startHaproxy(settings);
  const admin = adminSocket(settings);
  const url = `http://127.0.0.1:${port}`;
  return { url, port, admin, [Symbol.asyncDispose]: () => managed.stop(0) };
}

interface Told {
  readonly name: string;
  readonly headers: Record<string, string>;
}
const told = async (url: string, headers: Record<string, string> = {}, method = "GET") =>
  (await (await fetch(url, { method, headers })).json()) as Told;

describe.runIf(hasHaproxy())("HAProxy (skipped unless it is installed)", () => {
  test("roundrobin gives each server its turn", async () => {
    await using one = await balancer();
    const counts = await countAnswers(one.url, 300);
    for (const name of ["a", "b", "c"]) expect(Math.abs((counts[name] ?? 0) - 100)).toBeLessThanOrEqual(3);
  });

  test("weighted gives 3 to 1", async () => {
    await using one = await balancer({
      balance: "weighted",
      weights: [75, 25],
      servers: backends.ports.slice(0, 2),
    });
    const counts = await countAnswers(one.url, 400);
    expect(counts.a).toBeGreaterThanOrEqual(292);
    expect(counts.a).toBeLessThanOrEqual(308);
    expect((counts.a ?? 0) + (counts.b ?? 0)).toBe(400);
  });

  test("leastconn spares a server that is busy with long requests", async () => {
    await using one = await balancer({ balance: "leastconn", servers: backends.ports.slice(0, 2) });
    await tellHaproxy(one.admin, "set server api/api-1 state drain");
    const long = Array.from({ length: 5 }, () => told(`${one.url}/?ms=2500`));
    await waitFor(
      async () => /^api,api-2,\d+,\d+,5,/m.test(await tellHaproxy(one.admin, "show stat")),
      2_000,
      "five requests are under way",
    );
    await tellHaproxy(one.admin, "set server api/api-1 state ready");
    expect(await countAnswers(one.url, 60, 2)).toEqual({ a: 60 });
    expect(new Set((await Promise.all(long)).map(({ name }) => name))).toEqual(new Set(["b"]));
  });

  test("source keeps a client at its server, and moves only those whose server goes", async () => {
    await using one = await balancer({ balance: "source", trustedEdge: "127.0.0.1" });
    const clients = Array.from({ length: 150 }, (_, i) => `10.1.${i % 7}.${i + 1}`);
    const serversOf = async () => {
      const found = new Map<string, string>();
      for (const client of clients)
        found.set(client, (await told(one.url, { "X-Forwarded-For": client })).name);
      return found;
    };
    const before = await serversOf();
    for (const name of ["a", "b", "c"])
      expect([...before.values()].filter((one) => one === name).length).toBeGreaterThan(20);
    expect(await serversOf()).toEqual(before);
    for (const [client, name] of [...before].slice(0, 20))
      expect((await told(one.url, { "X-Forwarded-For": client }, "POST")).name).toBe(name);
    await tellHaproxy(one.admin, "set server api/api-3 state drain");
    const after = await serversOf();
    for (const [client, name] of before) {
      if (name === "c") expect(after.get(client)).not.toBe("c");
      else expect([client, after.get(client)]).toEqual([client, name]);
    }
  });

  test("a client's word about its address is not passed on; a trusted proxy's is", async () => {
    const forged = { "X-Forwarded-For": "6.6.6.6", Forwarded: "for=6.6.6.6", "X-Real-IP": "6.6.6.6" };
    await using one = await balancer();
    const { headers } = await told(one.url, { ...forged, "X-Forwarded-Proto": "https" });
    expect(headers).toMatchObject({ "x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http" });
    expect(JSON.stringify(headers)).not.toContain("6.6.6.6");
    // What HAProxy hands to itself on the way is still the client's, and nothing is said of that.
    expect((await told(one.url, forged, "POST")).headers).toEqual({
      ...headers,
      "content-length": "0",
    });
    await using behind = await balancer({ trustedEdge: "127.0.0.1" });
    const chain = { "X-Forwarded-For": "6.6.6.6, 10.9.8.7", "X-Forwarded-Proto": "https" };
    const trusted = (await told(behind.url, chain)).headers;
    expect(trusted).toMatchObject({ "x-forwarded-for": "10.9.8.7", "x-forwarded-proto": "https" });
  });

  test("a server that is killed costs no more than what it was answering, and leaves the rotation", async () => {
    await using one = await balancer();
    const atATime = 8;
    const asking = countAnswers(one.url, 2_500, atATime);
    await waitFor(
      async () => /^api,BACKEND(,[^,]*){5},\d{3,},/m.test(await tellHaproxy(one.admin, "show stat")),
      5_000,
      "requests are under way",
    );
    backends.process("b").signal("SIGKILL");
    const { a = 0, b = 0, c = 0, broken = 0, ...others } = await asking;
    expect(others).toEqual({});
    expect(broken).toBeLessThanOrEqual(atATime);
    expect(a + b + c + broken).toBe(2_500);
    const noticed = async () => (await serverStates(one.admin)).get("api-2") === "DOWN";
    await waitFor(noticed, NOTICED_MS_MAX, "it's known to be down");
    await backends.restart("b");
    const back = async () => (await serverStates(one.admin)).get("api-2") === "UP";
    await waitFor(back, 5_000, "it's back");
    expect((await countAnswers(one.url, 30)).b).toBe(10);
  });

  test("a server that takes its time to answer checks keeps what it is working on", async () => {
    let checks = 0;
    const slow = createServer((asked, answer) => {
      if (asked.url?.startsWith("/readyz")) setTimeout(() => answer.end("ok"), ++checks && 1_200);
      else setTimeout(() => answer.end("done"), 4_000);
    });
    const port = await freePort();
    await once(slow.listen(port, "127.0.0.1"), "listening");
    try {
      await using one = await balancer({ servers: [port] });
      const answer = await fetch(one.url, { method: "POST" });
      expect([answer.status, await answer.text()]).toEqual([200, "done"]);
      expect(checks).toBeGreaterThanOrEqual(3);
      expect((await serverStates(one.admin)).get("api-1")).toBe("UP");
    } finally {
      slow.closeAllConnections();
      slow.close();
    }
  });

  test("a server that says it leaves gets nothing new and finishes what it has", async () => {
    await using one = await balancer();
    const long = await Promise.all(
      Array.from({ length: 3 }, async () => {
        const answer = told(`${one.url}/?ms=2000`);
        return { answer };
      }),
    );
    backends.process("a").signal("SIGUSR2");
    await waitFor(
      async () => (await serverStates(one.admin)).get("api-1") === "NOLB",
      NOTICED_MS_MAX,
      "it's known to leave",
    );
    expect((await countAnswers(one.url, 40)).a).toBeUndefined();
    const names = await Promise.all(long.map(async ({ answer }) => (await answer).name));
    expect(names.toSorted()).toEqual(["a", "b", "c"]);
    await backends.process("a").stop(0);
    await backends.restart("a");
  });

  test("a POST whose server died is never sent again, and its client is told instead of sending it again", async () => {
    await using one = await balancer({ servers: backends.ports.slice(0, 2) });
    await tellHaproxy(one.admin, "set server api/api-1 state drain");
    // On a connection that has brought an answer, HAProxy alone would say nothing and close it; see `backend writes`.
    await told(one.url);
    const posting = fetch(`${one.url}/?ms=5000`, { method: "POST", body: "once" });
    const sessions = (server: string) => new RegExp(`^api,${server},\\d+,\\d+,1,`, "m");
    await waitFor(
      async () => sessions("api-2").test(await tellHaproxy(one.admin, "show stat")),
      2_000,
      "it's under way",
    );
    await tellHaproxy(one.admin, "set server api/api-1 state ready");
    backends.process("b").signal("SIGKILL");
    const answer = await posting;
    expect([answer.status, await answer.json()]).toEqual([
      502,
      { error: expect.stringContaining("Idempotency-Key") },
    ]);
    await backends.restart("b");
  });

  test("WebSockets and server-sent events pass as they come, to servers of their own if there are", async () => {
    await using one = await balancer({
      servers: backends.ports.slice(0, 2),
      streaming: backends.ports.slice(2),
    });
    const stopping = new AbortController();
    const events = await fetch(`${one.url}/api/v1/streaming/user`, { signal: stopping.signal });
    const reader = events.body?.getReader();
    let text = "";
    await waitFor(
      async () => {
        text += Buffer.from((await reader?.read())?.value ?? []).toString();
        return text.includes("event: more");
      },
      2_000,
      "events come one by one",
    );
    expect(text).toContain("data: c");
    stopping.abort();
    const socket = new WebSocket(`${one.url.replace("http", "ws")}/api/v1/streaming`);
    const messages: string[] = [];
    socket.on("message", (data) => messages.push(`${data}`));
    socket.once("open", () => socket.send("hello"));
    await waitFor(() => messages.length === 2, 2_000, "both ways work");
    expect(messages).toEqual(["c", "hello"]);
    socket.close();
  });

  test("answers are packed for who can take it; metrics are not for everybody", async () => {
    await using one = await balancer();
    const packed = await new Promise<{ encoding: string; body: Buffer }>((resolve, reject) => {
      const asked = request(one.url, { headers: { "Accept-Encoding": "gzip" } }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk) => chunks.push(chunk));
        answer.once("end", () =>
          resolve({ encoding: answer.headers["content-encoding"] ?? "", body: Buffer.concat(chunks) }),
        );
      });
      asked.once("error", reject);
      asked.end();
    });
    expect(packed.encoding).toBe("gzip");
    expect(JSON.parse(gunzipSync(packed.body).toString())).toMatchObject({ method: "GET" });
    expect((await fetch(`${one.url}/metrics`)).status).toBe(404);
  });
});
