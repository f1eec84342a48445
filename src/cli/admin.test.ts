import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  emptyFolder,
  hasTerminals,
  type Running,
  onTerminal as runOnTerminal,
  roost as runRoost,
  startServer,
} from "./spawned.ts";

const here = emptyFolder();
const SLOW_MS = 60_000;

function roost(line: string, input = "") {
  return runRoost(line.split(" "), { PORT: "0" }, here, input);
}

function onTerminal(line: string, ...answers: [string, string][]) {
  return runOnTerminal(line, answers, { PORT: "0" }, here);
}

describe("without a server", { timeout: SLOW_MS }, () => {
  it("makes the database, once", async () => {
    const dry = await roost("migrate --dry-run --json");
    expect(dry.code).toBe(1);
    const { pending } = JSON.parse(dry.stdout);
    expect(pending.length).toBeGreaterThan(0);
    expect(JSON.parse((await roost("migrate --json")).stdout)).toEqual({ pending: [], applied: pending });
    expect(await roost("migrate")).toEqual({ code: 0, stdout: "The schema is up to date.\n", stderr: "" });
  });

  it("makes an account, making up a password or reading it from stdin", async () => {
    const alice = await roost("accounts create alice --email alice@example.org");
    expect(alice).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^@alice is made\.\nPassword: \S{20}\n$/),
    });
    const bob = await roost(
      "accounts create @bob --email bob@example.org --password-stdin --json",
      "long enough\n",
    );
    expect(JSON.parse(bob.stdout)).toMatchObject({ username: "bob", confirmed: true, suspended: false });
    expect(bob.stdout).not.toContain("long enough");
  });

  it("refuses an account that can't be, with 65 and all reasons", async () => {
    const { code, stderr } = await roost(
      "accounts create ALICE --email bob@example.org --password-stdin",
      "short",
    );
    expect(code).toBe(65);
    expect(stderr).toMatch(/username is taken/i);
    expect(stderr).toContain("Password must have");
  });

  it("lists accounts, newest first", async () => {
    const { stdout } = await roost("accounts list --json");
    expect(JSON.parse(stdout).map((account: { username: string }) => account.username)).toEqual([
      "bob",
      "alice",
    ]);
    expect((await roost("accounts list --limit 1")).stdout).toMatch(/^ACCOUNT .*\n@bob .* active .*\n$/);
  });

  it("prints a token and nothing else", async () => {
    expect(await roost("token create alice -q")).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^[\w-]{43}\n$/),
      stderr: "",
    });
    expect((await roost("token create nobody")).code).toBe(1);
  });

  it("changes a password, from stdin", async () => {
    const changed = await roost("accounts password @Bob", "another long password\n");
    expect(changed).toMatchObject({ code: 0, stdout: expect.stringMatching(/^@bob has another password/) });
    expect(changed.stdout + changed.stderr).not.toContain("another long");
    expect((await roost("accounts password bob", "short")).code).toBe(65);
    expect((await roost("accounts password bob", "\n")).code).toBe(2);
    expect((await roost("accounts password nobody", "another long password")).code).toBe(1);
  });

  it.skipIf(!hasTerminals)("asks for what is missing, on a terminal (skipped without `script`)", async () => {
    const made = await onTerminal(
      "accounts create",
      ["Username", "carol"],
      ["E-mail", "carol@example.org"],
      ["Password", "not shown at all"],
    );
    expect(made).toContain("@carol is made.");
    expect(made).not.toContain("not shown");
    expect(made).not.toContain("Password:");
    const madeUp = await onTerminal("accounts create dave --email dave@example.org", ["Password", ""]);
    expect(madeUp).toMatch(/@dave is made\.\s+Password: \S{20}\s/);
    const changed = await onTerminal("accounts password carol", ["New password of @carol", ""]);
    expect(changed).toMatch(/@carol has another password.*\s+Password: \S{20}\s/);
    const left = await onTerminal("accounts password carol", ["New password", "\u0003"]);
    expect(left).toContain("Nothing was changed.");
  });

  it("finds nothing wrong with the database", async () => {
    const { checks } = JSON.parse((await roost("doctor --json")).stdout);
    const database = checks.find((check: { name: string }) => check.name === "Database");
    expect(database).toMatchObject({ status: "ok", says: expect.stringContaining("schema up to date") });
  });
});

describe("beside a running server", { timeout: SLOW_MS }, () => {
  let server: Running;

  beforeAll(async () => {
    server = await startServer({ PORT: "0" }, here);
  }, SLOW_MS);

  afterAll(async () => {
    server.process.kill("SIGKILL");
    await server.ended;
  });

  async function whoIs(token: string): Promise<number> {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`${server.url}/api/v1/accounts/verify_credentials`, { headers })).status;
  }

  it("suspends at once, and gives back", async () => {
    const token = (await roost("token create bob")).stdout.trim();
    expect(await whoIs(token)).toBe(200);
    expect((await roost("accounts suspend bob")).stdout).toContain("@bob is suspended.");
    await expect.poll(() => whoIs(token), { timeout: 2_000 }).toBe(401);
    expect((await roost("token create bob")).code).toBe(77);
    expect((await roost("accounts unsuspend bob@example.org")).code).toBe(0);
    expect(await whoIs((await roost("token create bob")).stdout.trim())).toBe(200);
  });

  it("says where to sign in: at the server, whatever flags it was started with", async () => {
    const { stderr } = await roost("accounts create erin --email erin@example.org");
    expect(stderr).toBe(`Sign in at ${server.url} with erin@example.org.\n`);
  });

  it("changes a password at once: tokens of before end", async () => {
    const token = (await roost("token create erin")).stdout.trim();
    expect(await whoIs(token)).toBe(200);
    expect((await roost("accounts password erin", "another long password")).code).toBe(0);
    await expect.poll(() => whoIs(token), { timeout: 2_000 }).toBe(401);
  });

  it("refuses a second server on the same data with 69, naming the first", async () => {
    const { code, stderr } = await roost("start");
    expect(code).toBe(69);
    expect(stderr).toContain(`${server.process.pid}`);
  });

  it("stops in order on SIGTERM, with 0", async () => {
    server.process.kill("SIGTERM");
    expect(await server.ended).toBe(0);
    await expect(fetch(server.url)).rejects.toThrow();
    // The data is free again.
    expect((await roost("accounts list")).code).toBe(0);
  });
});

describe("a server whose messages nobody reads any more", { timeout: SLOW_MS }, () => {
  it("goes on, and stops in order", async () => {
    const server = await startServer({ PORT: "0" }, here);
    server.process.stderr?.destroy();
    server.process.stdout?.destroy();
    expect((await fetch(`${server.url}/livez`)).status).toBe(200);
    server.process.kill("SIGTERM");
    expect(await server.ended).toBe(0);
  });
});
