/** What the deployed configuration of nginx promises, held by a real nginx and small servers. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { type Backends, countAnswers, startBackends } from "../../test/support/backends.ts";
import { waitFor } from "../../test/support/wait.ts";
import type { Balance } from "./haproxy.ts";
import { hasNginx, type NginxOptions, startNginx } from "./nginx.ts";
import { freePort } from "./process.ts";

const opened = new AsyncDisposableStack();
const folder = mkdtempSync(join(tmpdir(), "roost-nginx-"));
let backends: Backends;
beforeAll(async () => {
  if (hasNginx()) backends = opened.use(await startBackends(3, folder));
});
afterAll(async () => {
  await opened.disposeAsync();
  rmSync(folder, { recursive: true, force: true });
});

let started = 0;
async function edge(options: Partial<NginxOptions> = {}) {
  const port = await freePort();
  const name = `nginx-${++started}`;
  const managed = await startNginx({ name, folder, port, servers: backends.ports, ...options });
  return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: () => managed.stop() };
}

const told = async (url: string, headers: Record<string, string> = {}) =>
  (await (await fetch(url, { headers })).json()) as { name: string; headers: Record<string, string> };

describe.runIf(hasNginx())("nginx (skipped unless it is installed)", () => {
  test("roundrobin gives each server its turn", async () => {
    await using one = await edge();
    const counts = await countAnswers(one.url, 300);
    for (const name of ["a", "b", "c"]) expect(Math.abs((counts[name] ?? 0) - 100)).toBeLessThanOrEqual(3);
  });

  test("of the same servers with weights of 3 and 1, roundrobin asks both alike, weighted 3 to 1", async () => {
    const servers = { servers: backends.ports.slice(0, 2), weights: [3, 1] };
    const shares: [Balance, number][] = [
      ["roundrobin", 200],
      ["weighted", 300],
    ];
    for (const [balance, share] of shares) {
      await using one = await edge({ ...servers, balance });
      const { a = 0, b = 0 } = await countAnswers(one.url, 400);
      expect([balance, Math.abs(a - share) <= 8, a + b], `${a} : ${b}`).toEqual([balance, true, 400]);
    }
  });

  test("another word for BALANCE is refused with those that there are", async () => {
    await expect(edge({ balance: "weighed" as Balance })).rejects.toThrow(
      /BALANCE must be roundrobin, leastconn, source or weighted, not "weighed"/,
    );
  });

  test("leastconn spares servers that are busy with long requests", async () => {
    await using one = await edge({ balance: "leastconn" });
    const long = Array.from({ length: 2 }, () => told(`${one.url}/?ms=2000`));
    // Both are under way once a third finds one server with nothing to do, again and again.
    await waitFor(
      async () => Object.keys(await countAnswers(one.url, 10, 1)).length === 1,
      1_500,
      "two are busy",
    );
    const [free = ""] = Object.keys(await countAnswers(one.url, 20, 1));
    const busy = (await Promise.all(long)).map(({ name }) => name);
    expect([...busy, free].toSorted()).toEqual(["a", "b", "c"]);
  });

  test("source keeps a client at its server", async () => {
    await using one = await edge({ balance: "source", trustedEdge: "127.0.0.1" });
    const found = new Set<string>();
    for (let i = 0; i < 60; i++) {
      const headers = { "X-Forwarded-For": `10.2.0.${i}` };
      const { name } = await told(one.url, headers);
      expect((await told(one.url, headers)).name).toBe(name);
      found.add(name);
    }
    expect(found.size).toBe(3);
  });

  test("a client's word about its address is not passed on; a trusted proxy's is", async () => {
    const forged = { "X-Forwarded-For": "6.6.6.6", Forwarded: "for=6.6.6.6", "X-Real-IP": "6.6.6.6" };
    await using one = await edge();
    for (const path of ["/", "/media/forged.png"]) {
      const { headers } = await told(`${one.url}${path}`, forged);
      expect(headers["x-forwarded-for"]).toBe("127.0.0.1");
    }
    expect(JSON.stringify((await told(one.url, forged)).headers)).not.toContain("6.6.6.6");
    await using behind = await edge({ trustedEdge: "127.0.0.1" });
    const { headers } = await told(behind.url, { "X-Forwarded-For": "6.6.6.6, 10.9.8.7" });
    expect(headers["x-forwarded-for"]).toBe("10.9.8.7");
  });

  test("a server that is killed costs no more than what it was answering", async () => {
    await using one = await edge();
    const asking = countAnswers(one.url, 2_000, 8);
    backends.process("b").signal("SIGKILL");
    const { a = 0, b = 0, c = 0, broken = 0, ...others } = await asking;
    expect(others).toEqual({});
    expect(broken).toBeLessThanOrEqual(8);
    expect(a + b + c + broken).toBe(2_000);
    await backends.restart("b");
  });

  test("files are kept as long as they may be, and given also while no server answers; nothing else is kept", async () => {
    const server = backends.ports.slice(0, 1);
    await using one = await edge({ servers: server });
    const ask = async (path: string) => {
      const answer = await fetch(`${one.url}${path}`);
      const { name, headers } = (await answer.json()) as { name: string; headers: Record<string, string> };
      return {
        kept: answer.headers.get("x-cache"),
        name,
        headers,
        rule: answer.headers.get("cache-control"),
      };
    };
    const first = await ask("/media/one.png");
    expect(first).toMatchObject({ kept: "MISS", rule: "public, max-age=31536000, immutable" });
    expect(await ask("/media/one.png")).toEqual({ ...first, kept: "HIT" });
    for (const _ of [1, 2]) expect((await ask("/assets/private.js")).kept).toBe("MISS");
    for (const _ of [1, 2]) expect((await ask("/api/v1/timelines/home")).kept).toBe(null);
    backends.process("a").signal("SIGKILL");
    try {
      expect((await ask("/media/one.png")).kept).toBe("HIT");
      const answer = await fetch(`${one.url}/api/v1/timelines/home`);
      expect([answer.status, await answer.json()]).toEqual([
        502,
        { error: expect.stringContaining("No server") },
      ]);
    } finally {
      await backends.restart("a");
    }
  });

  test("a file that is gone is given until it's asked for again, and never once more", async () => {
    await using one = await edge({ servers: backends.ports.slice(0, 1) });
    const ask = async () => {
      const answer = await fetch(`${one.url}/media/deleted-soon.png`);
      await answer.arrayBuffer();
      return [answer.status, answer.headers.get("x-cache")];
    };
    expect([await ask(), await ask()]).toEqual([
      [200, "MISS"],
      [200, "HIT"],
    ]);
    const after: unknown[] = [];
    await waitFor(
      async () => {
        after.push(await ask());
        return after.at(-1)?.toString() !== "200,HIT";
      },
      5_000,
      "the second is over for which it may be kept",
    );
    expect([after.at(-1), await ask()]).toEqual([
      [404, "EXPIRED"],
      [404, "HIT"],
    ]);
  });

  test("WebSockets and server-sent events pass as they come, to servers of their own if there are", async () => {
    await using one = await edge({ servers: backends.ports.slice(0, 2), streaming: backends.ports.slice(2) });
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
    await using one = await edge();
    const packed = await fetch(one.url, { headers: { "Accept-Encoding": "gzip" } });
    expect(packed.headers.get("content-encoding")).toBe("gzip");
    expect((await fetch(`${one.url}/metrics`)).status).toBe(404);
  });
});
