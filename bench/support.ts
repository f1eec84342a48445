/** What measurements share: folders, accounts made straight in the database, and a little arithmetic. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { createAccessToken } from "../src/accounts/tokens.ts";
import { openRoost, type Roost } from "../src/composition.ts";
import { loadConfig } from "../src/config.ts";
import { type AccountId, makeId } from "../src/core/ids.ts";

/** The numbers of one measurement are the medians of so many rounds, in which it and its limit take turns. */
export const ROUNDS = 3;

export interface Account {
  readonly id: AccountId;
  readonly token: string;
}

export type Settings = Readonly<Record<string, string>>;

export function machine(): string {
  const [cpu] = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GB`;
  return `${cpus().length} × ${cpu?.model.trim() ?? "unknown"}, ${memory}, Node ${process.version}`;
}

const folders = new Set<string>();

export function temporaryFolder(): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), "roost-bench-"));
  // PostgreSQL runs as another user when we are root, and must get in.
  chmodSync(path, 0o755);
  folders.add(path);
  return { path, [Symbol.dispose]: () => remove(path) };
}

/** For an end in the middle. */
export function removeFolders(): void {
  for (const path of folders) remove(path);
}

function remove(path: string): void {
  // The embedded PostgreSQL of a folder that its user can't reach lies elsewhere.
  const elsewhere = join(path, "postgres-is-at");
  if (existsSync(elsewhere)) rmSync(readFileSync(elsewhere, "utf8").trim(), { recursive: true, force: true });
  rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  folders.delete(path);
}

/** Fills the database of these settings before a server of them starts. */
export async function prepare<T>(settings: Settings, work: (roost: Roost) => Promise<T>): Promise<T> {
  const { config } = loadConfig({ LOG_LEVEL: "error", ...settings }, {});
  await using roost = await openRoost(config, { roles: [] });
  // Awaited here: Roost must stay open until the work is done.
  return await work(roost);
}

let made = 0;

export async function makeAccounts(roost: Roost, count: number, prefix: string): Promise<Account[]> {
  const { db } = roost.database;
  const accounts: Account[] = [];
  for (let i = 0; i < count; i++) {
    const id = makeId(Date.UTC(2025, 0, 1) + made++ * 1000, i % 1024, 0);
    await db
      .insertInto("accounts")
      .values({ id, username: `${prefix}${i}` })
      .execute();
    await db
      .insertInto("credentials")
      .values({
        account_id: id,
        email: `${prefix}${i}@example.org`,
        password_hash: "-",
        confirmed_at: new Date(0),
      })
      .execute();
    const { token } = await createAccessToken(db, {
      accountId: id,
      appId: null,
      scopes: ["read", "write", "follow"],
    });
    accounts.push({ id, token });
  }
  return accounts;
}

export function secondsOfRound(seconds: number): number {
  return Math.max(1, Math.round(seconds / ROUNDS));
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** The median over rounds of what is wanted of each. */
export function middleOf<Round>(rounds: readonly Round[]): (wanted: (round: Round) => number) => number {
  return (wanted) => median(rounds.map(wanted));
}

/** The value that this part of all values don't exceed. */
export function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(part * values.length) - 1)] ?? 0;
}
