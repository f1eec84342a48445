/** The demo can't be mistaken for a server of one's own, and no command makes a database that nobody asked for. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openRoost } from "../composition.ts";
import { loadConfig } from "../config.ts";
import { packageDir } from "./invocation.ts";
import { emptyFolder, roost, startServer } from "./spawned.ts";

const SLOW_MS = 120_000;
const here = emptyFolder();

describe("a folder that no Roost has used", { timeout: SLOW_MS }, () => {
  it.each([
    "accounts list",
    "accounts suspend alice",
    "accounts password alice",
    "token create alice",
    "events lag",
    "events dlq list",
  ])("`roost %s` refuses it, and makes nothing there", async (line) => {
    const dataDir = join(here, "mistyped");
    const { code, stdout, stderr } = await roost(line.split(" "), { DATA_DIR: dataDir }, here, "a password");
    expect([code, stdout]).toEqual([78, ""]);
    expect(stderr).toContain(`DATA_DIR is ${dataDir}`);
    expect(existsSync(dataDir)).toBe(false);
  });

  it("`roost migrate --dry-run` tells what it would apply, and makes nothing there", async () => {
    const dataDir = join(here, "mistyped");
    const { code, stdout } = await roost(["migrate", "--dry-run"], { DATA_DIR: dataDir }, here);
    expect([code, stdout]).toEqual([1, expect.stringContaining("0001-first")]);
    expect(existsSync(dataDir)).toBe(false);
  });
});

describe("the data of a demo", { timeout: SLOW_MS }, () => {
  const demoDir = join(here, "demo-of-tests");
  const settings = { DATA_DIR: demoDir, PORT: "0", LOG_LEVEL: "fatal" };

  it("are begun with a warning on this machine, and not at all where others can come", async () => {
    mkdirSync(demoDir);
    {
      await using opened = await openRoost(loadConfig(settings).config, { roles: [] });
      const client = await opened.database.dedicated();
      await client.query("create table demo (only_row boolean primary key)");
      await client.end();
    }
    for (const reached of [{ HOST: "0.0.0.0" }, { PUBLIC_URL: "https://roost.example" }]) {
      const { code, stderr } = await roost(["start"], { ...settings, ...reached }, here);
      expect([code, stderr]).toEqual([
        77,
        expect.stringContaining("holds the demo, whose password everybody knows"),
      ]);
    }
    const { process: server, ended } = await startServer(settings, here);
    server.kill("SIGTERM");
    expect(await ended).toBe(0);
    const doctor = await roost(["doctor", "--json"], settings, here);
    const { checks } = JSON.parse(doctor.stdout) as {
      checks: { name: string; says: string; status: string }[];
    };
    expect(checks.find(({ says }) => says.includes("holds the demo"))?.status).toBe("warning");
  });

  it("aren't mixed with those of a server of one's own", async () => {
    const own = { ...settings, DATA_DIR: join(here, "own") };
    expect((await roost(["accounts", "create", "alice", "--email", "a@example.org"], own, here)).code).toBe(
      0,
    );
    const { code, stderr } = await roost(["demo"], own, here);
    expect([code, stderr]).toEqual([77, expect.stringContaining("accounts of its own")]);
  });

  it("are in a folder of their own, with a password made for the run where others can come", async () => {
    const folder = join(here, "somewhere");
    mkdirSync(folder);
    const told = await demoIn(folder, { HOST: "0.0.0.0" });
    expect(existsSync(join(folder, "demo-data"))).toBe(true);
    expect(existsSync(join(folder, "data"))).toBe(false);
    expect(told.output).toContain("Anybody who reaches this server can sign up");
    expect(told.output).toContain("set PUBLIC_URL");
    expect(told.password).toMatch(/^\S{20}$/);
    expect(told.instance.demo).toBeUndefined();
    const again = await demoIn(folder, {});
    expect(again.password).toBe("roost-demo");
    expect(again.instance.demo).toEqual({ login: "demo", name: "Robin" });
  });
});

interface Told {
  readonly output: string;
  readonly password: string;
  readonly instance: { demo?: unknown };
}

/** Runs the demo until it has told its login, asks it who it is, and stops it. */
async function demoIn(cwd: string, settings: Record<string, string>): Promise<Told> {
  const args = ["demo", "--no-replay"];
  const env = { PATH: "/usr/bin:/bin", PORT: "0", LOG_LEVEL: "fatal", ...settings };
  const child = spawn(join(packageDir, "bin", "roost"), args, { cwd, env });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.stdout.resume();
  let output = "";
  const password = await new Promise<string>((resolve, reject) => {
    child.stderr.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      const found = /Password +(\S+)/.exec(output)?.[1];
      if (found && /people,/.test(output)) resolve(found);
    });
    child.once("exit", (code) => reject(new Error(`the demo ended with ${code}: ${output}`)));
  });
  const url = /Open +(\S+)/.exec(output)?.[1];
  const instance = (await (await fetch(`${url}/api/v2/instance`)).json()) as { demo?: unknown };
  child.kill("SIGINT");
  await ended;
  return { output, password, instance };
}
