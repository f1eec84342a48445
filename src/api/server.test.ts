/** What holds for every request to a server: by which address it knows who asks, and when it calls itself ready. */
import { get, type IncomingHttpHeaders } from "node:http";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OpenedRoost, openTestRoost } from "../../test/support/open-roost.ts";

/** On Linux all of 127.0.0.0/8 is this machine: a request may come from either. */
const PROXY = "127.0.0.2";
const STRANGER = "127.0.0.3";

let roost: OpenedRoost;
beforeAll(async () => {
  roost = await openTestRoost({ RATE_LIMITS: "on", TRUSTED_PROXIES: PROXY });
});
afterAll(() => roost?.[Symbol.asyncDispose]());

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

function ask(path: string, from: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = get(`${roost.url}${path}`, { localAddress: from, headers }, async (answer) => {
      let text = "";
      for await (const chunk of answer) text += chunk;
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text });
    });
    request.on("error", reject);
  });
}

describe.runIf(process.platform === "linux")("an address without a token has its share of requests", () => {
  /** How many more it may send, after one that says it comes for `client`. */
  const leftOf = async (from: string, client: string) => {
    const forwarded = { "X-Forwarded-For": client, Forwarded: `for=${client}`, "X-Real-IP": client };
    const { headers } = await ask("/api/v2/instance", from, forwarded);
    return Number(headers["x-ratelimit-remaining"]);
  };

  test("whatever it says for whom it asks, unless it's a trusted proxy", async () => {
    const first = await leftOf(STRANGER, "10.7.7.1");
    expect(first).toBeGreaterThan(0);
    expect(await leftOf(STRANGER, "10.7.7.2")).toBe(first - 1);
    // Nor by going for one.
    expect(await leftOf(STRANGER, PROXY)).toBe(first - 2);
    // And nobody's share but its own is used up.
    expect(await leftOf(PROXY, "10.7.7.1")).toBe(first);
  });

  test("and so has each of those for whom a trusted proxy asks", async () => {
    const first = await leftOf(PROXY, "10.8.8.1");
    expect(await leftOf(PROXY, "10.8.8.1")).toBe(first - 1);
    expect(await leftOf(PROXY, "10.8.8.2")).toBe(first);
    // What a client itself has put before what the proxy adds is no proof of anything.
    expect(await leftOf(PROXY, "10.9.9.9, 10.8.8.2")).toBe(first - 1);
  });
});

test("when a newer version has migrated, a server says that it isn't ready, and why, but goes on answering", async () => {
  const ready = () => ask("/readyz?verbose", "127.0.0.1");
  expect(await ready()).toMatchObject({ status: 200 });
  const { db } = roost.database;
  await sql`insert into kysely_migration values ('9999-later', '')`.execute(db);
  try {
    const { status, text } = await ready();
    expect(status).toBe(503);
    expect(JSON.parse(text).checks).toContainEqual({
      name: "schema",
      ok: false,
      error: "the schema is newer than this version: 9999-later",
    });
    expect(await ask("/api/v2/instance", "127.0.0.1")).toMatchObject({ status: 200 });
  } finally {
    await sql`delete from kysely_migration where name = '9999-later'`.execute(db);
  }
  expect(await ready()).toMatchObject({ status: 200 });
});
