/** What the server says of itself. */

import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { registerAccount } from "../accounts/register.ts";
import { suspendAccount } from "../accounts/suspend.ts";
import { createAccessToken } from "../accounts/tokens.ts";
import { openRoost, type Roost } from "../composition.ts";
import { loadConfig } from "../config.ts";
import type { AccountId } from "../core/ids.ts";
import { countServer, countServerInTurn } from "../discovery/statistics.ts";
import type { App } from "./app.ts";
import { buildServer } from "./server.ts";

const SLOW_MS = 120_000;
/** A Wednesday. */
const NOW_MS = Date.UTC(2026, 10, 25, 12);

let folder: string;
let roost: Roost;
let app: App;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "roost-instance-"));
  chmodSync(folder, 0o755);
  // Without roles nothing counts in the background.
  const { config } = loadConfig({ DATA_DIR: folder, RATE_LIMITS: "off", LOG_LEVEL: "fatal" });
  roost = await openRoost(config, { roles: [] });
  app = await buildServer(roost.api, roost.log);
}, SLOW_MS);

afterAll(async () => {
  await app?.close();
  await roost?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}, SLOW_MS);

async function makeAccount(username: string): Promise<AccountId> {
  const registration = { username, email: `${username}@example.org`, password: "a long enough password" };
  const rest = { agreement: true, locale: "en", confirmed: true } as const;
  return (await registerAccount(roost.database.db, { ...registration, ...rest })).accountId;
}

async function post(accountId: AccountId): Promise<void> {
  const { token } = await createAccessToken(roost.database.db, { accountId, appId: null, scopes: ["write"] });
  const headers = { authorization: `Bearer ${token}` };
  const payload = { status: "Hello" };
  const answer = await app.inject({ method: "POST", url: "/api/v1/statuses", headers, payload });
  expect(answer.statusCode).toBe(200);
}

const get = async <Body>(url: string) => (await app.inject({ url })).json<Body>();

test("users, posts and who is active are counted, not guessed", async () => {
  const [wren, finch, owl] = [
    await makeAccount("wren"),
    await makeAccount("finch"),
    await makeAccount("owl"),
  ];
  await makeAccount("heron");
  await post(wren);
  await post(wren);
  await post(finch);
  await post(owl);
  await roost.api.activity.flush(roost.database.db);
  await suspendAccount(roost.database.db, owl);
  const client = await roost.database.dedicated();
  await client.query(
    "update account_activity set last_active_on = last_active_on - 20 where account_id = $1",
    [finch],
  );
  await client.query(
    "update account_activity set last_active_on = last_active_on - 100 where account_id = $1",
    [owl],
  );
  await client.end();
  await countServer(roost.database, Date.now());

  const nodeinfo = await get<{ usage: unknown }>("/nodeinfo/2.0");
  expect(nodeinfo.usage).toEqual({
    users: { total: 3, activeMonth: 2, activeHalfyear: 3 },
    localPosts: 4,
  });
  expect(await get("/api/v1/instance")).toMatchObject({ stats: { user_count: 3, status_count: 4 } });
  expect(await get("/api/v2/instance")).toMatchObject({ usage: { users: { active_month: 2 } } });
  const weeks = await get<Record<string, string>[]>("/api/v1/instance/activity");
  expect(weeks).toHaveLength(12);
  expect(weeks[0]).toMatchObject({ statuses: "4", logins: "1", registrations: "4" });
  expect(weeks[1]).toMatchObject({ statuses: "0", logins: "0", registrations: "0" });
  expect(new Date(Number(weeks[0]?.week) * 1_000).getUTCDay()).toBe(1);
});

test("of several processes one counts, and each when nobody has of late", async () => {
  const { db } = roost.database;
  const age = (seconds: number) =>
    sql`update server_statistics set users = 99, counted_at = now() - ${seconds} * interval '1 second'`.execute(
      db,
    );
  const users = async () =>
    (await sql<{ users: bigint }>`select users from server_statistics`.execute(db)).rows;
  await countServer(roost.database, Date.now());
  const [counted] = await users();
  await age(30);
  await countServerInTurn(roost.database, Date.now());
  expect(await users()).toEqual([{ users: 99n }]);
  await age(60);
  await countServerInTurn(roost.database, Date.now());
  expect(await users()).toEqual([counted]);
});

test("an account is written as active once a day, whatever it does", async () => {
  const { activity, database } = roost.api;
  const heron = await makeAccount("heron2");
  const seen = async () => {
    const client = await database.dedicated();
    const { rows } = await client.query("select xmin::text from account_activity where account_id = $1", [
      heron,
    ]);
    await client.end();
    return rows;
  };
  activity.seen(heron, NOW_MS);
  await activity.flush(database.db);
  const before = await seen();
  activity.seen(heron, NOW_MS + 1);
  await activity.flush(database.db);
  expect(await seen()).toEqual(before);
  expect(before).toHaveLength(1);
});
