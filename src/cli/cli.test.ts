import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { settingNames } from "../settings.ts";
import { settingsAsMarkdown } from "./config.ts";
import { packageDir, version } from "./invocation.ts";
import { emptyFolder, type Outcome, roost as runRoost } from "./spawned.ts";

const here = emptyFolder();

function roost(args: string[], settings: Record<string, string> = {}, cwd = here): Promise<Outcome> {
  return runRoost(args, settings, cwd);
}

const ESCAPE = "\u001b[";

describe("roost", () => {
  it("explains itself, with exit codes and examples", async () => {
    for (const args of [["--help"], []]) {
      const { code, stdout, stderr } = await roost(args);
      expect([code, stderr]).toEqual([0, ""]);
      for (const word of ["start", "demo", "doctor", "Exit codes:", "78", "Examples:"]) {
        expect(stdout).toContain(word);
      }
    }
  });

  it("explains each command, with examples", async () => {
    const commands = ["start", "demo", "migrate", "accounts", "token", "doctor", "config", "completion"];
    const verbs = [
      "accounts create",
      "accounts list",
      "accounts password",
      "accounts suspend",
      "accounts unsuspend",
      "token create",
    ];
    for (const command of [...commands, ...verbs]) {
      const { code, stdout } = await roost([...command.split(" "), "--help"]);
      expect([command, code]).toEqual([command, 0]);
      expect(stdout).toContain(`Usage: roost ${command}`);
      expect(stdout).toContain("Examples:");
    }
  });

  it("tells its version", async () => {
    expect(await roost(["--version"])).toEqual({ code: 0, stdout: `${version()}\n`, stderr: "" });
  });

  it("loads no engine's client before a command needs it", async () => {
    const listing = join(here, "listing.mjs");
    writeFileSync(
      listing,
      `import { registerHooks } from "node:module";
      registerHooks({ load(url, context, next) { console.error(url); return next(url, context); } });`,
    );
    const { stderr } = await roost(["--version"], { NODE_OPTIONS: `--import ${listing}` });
    const loaded = stderr.split("\n");
    expect(loaded.some((url) => url.endsWith("/src/cli/program.ts"))).toBe(true);
    expect(
      loaded.filter((url) => /node_modules\/(@aws-sdk|@platformatic|ioredis|kysely|pg|fastify)\//.test(url)),
    ).toEqual([]);
    expect(loaded.length).toBeLessThan(200);
  });

  it("suggests what may be meant, and exits with 2", async () => {
    const command = await roost(["acounts", "list"]);
    expect(command).toMatchObject({ code: 2, stdout: "" });
    expect(command.stderr).toContain("Did you mean accounts?");
    const flag = await roost(["start", "--prot", "4000"]);
    expect(flag).toMatchObject({ code: 2, stdout: "" });
    expect(flag.stderr).toContain("Did you mean --port?");
    expect((await roost(["token", "create"])).code).toBe(2);
    expect((await roost(["accounts", "create", "--no-input"])).code).toBe(2);
  });
});

describe("bench", () => {
  it("gets its arguments as they are, also those that other commands share", async () => {
    // Taken out by the command line, they would leave "post", which runs.
    for (const flags of [["-v"], ["-q"], ["--color", "never"]])
      expect((await roost(["bench", ...flags, "post"])).code).toBe(2);
    expect((await roost(["-v", "bench", "--help"])).stdout).toContain("Usage: roost bench");
  });
});

describe("settings", () => {
  it("are shown with value and source, secrets hidden", async () => {
    const cwd = join(here, "with-dotenv");
    mkdirSync(cwd);
    writeFileSync(join(cwd, ".env"), "SIGN_UPS=closed\nPORT=1\n");
    const secret = { DATABASE_URL: "postgres://roost:hunter2@db/roost" };
    const { code, stdout } = await roost(
      ["config", "--json", "--host", "::"],
      { PORT: "4000", ...secret },
      cwd,
    );
    expect(code).toBe(0);
    const shown = new Map(JSON.parse(stdout).map((entry: { name: string }) => [entry.name, entry]));
    expect([...shown.keys()]).toEqual(settingNames);
    expect(shown.get("PORT")).toMatchObject({ value: "4000", source: "environment", default: "3000" });
    expect(shown.get("SIGN_UPS")).toMatchObject({ value: "closed", source: ".env" });
    expect(shown.get("HOST")).toMatchObject({ value: "::", source: "flag" });
    expect(shown.get("PUBLIC_URL")).toMatchObject({ value: "http://localhost:4000", source: "default" });
    expect(shown.get("DATABASE_URL")).toMatchObject({ value: "hidden", secret: true });
    const table = await roost(["config"], secret, cwd);
    expect(stdout + table.stdout).not.toContain("hunter2");
    expect(table.stdout).toMatch(/^PORT +1 +\.env$/m);
  });

  it("that are wrong end every command that needs them with 78, a line each, no stack", async () => {
    const wrong = { PORT: "abc", SIGN_UPS: "maybe" };
    for (const command of ["start", "demo", "migrate", "accounts list", "token create alice", "config"]) {
      const { code, stdout, stderr } = await roost(command.split(" "), wrong);
      expect([command, code, stdout]).toEqual([command, 78, ""]);
      expect(stderr).toContain('PORT is "abc"; expected a whole number from 0 to 65535\n');
      expect(stderr).toContain('SIGN_UPS is "maybe"; expected open or closed\n');
      expect(stderr).not.toMatch(/^ +at /m);
    }
  });

  it("are documented as they are: `roost config --markdown` writes docs/configuration.md", async () => {
    const page = readFileSync(join(packageDir, "docs", "configuration.md"), "utf8");
    expect(page).toBe(`${settingsAsMarkdown()}\n`);
    expect((await roost(["config", "--markdown"])).stdout).toBe(page);
  });
});

describe("colour", () => {
  it("is for terminals only, or on demand, and never with NO_COLOR", async () => {
    const colored = async (args: string[], settings = {}) =>
      (await roost(args, settings)).stdout.includes(ESCAPE);
    expect(await colored(["config"])).toBe(false);
    expect(await colored(["config"], { FORCE_COLOR: "1" })).toBe(true);
    expect(await colored(["config", "--color", "always"])).toBe(true);
    expect(await colored(["config", "--color", "never"], { FORCE_COLOR: "1" })).toBe(false);
    expect(await colored(["config"], { NO_COLOR: "1" })).toBe(false);
  });
});

describe("a port that is taken", () => {
  it("is told with who has it and the way out, and exits with 69", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen({ host: "127.0.0.1", port: 0 }, resolve));
    const address = server.address();
    const port = typeof address === "object" && address ? address.port : 0;
    const settings = { PORT: `${port}`, HOST: "127.0.0.1" };
    try {
      const { code, stderr } = await roost(["start"], settings);
      expect(code).toBe(69);
      expect(stderr).toContain(`PORT ${port} is in use`);
      expect(stderr).toContain("choose another with PORT=");
      if (process.platform === "linux") expect(stderr).toContain(`by pid ${process.pid} (`);
      const { checks } = JSON.parse((await roost(["doctor", "--json"], settings)).stdout);
      const [found] = checks.filter((check: { name: string }) => check.name === "Port");
      expect(found).toMatchObject({ status: "failed", mend: expect.stringContaining("PORT=") });
    } finally {
      server.close();
    }
  });
});

describe("a misspelt setting", () => {
  it("is told at the start and by doctor, with what was probably meant", async () => {
    const folder = join(here, "misspelt");
    mkdirSync(folder);
    writeFileSync(join(folder, ".env"), "KAFKA_BROKER=a:9092\n");
    // The start ends right after, for a reason of its own.
    const settings = { DATABSE_URL: "postgres://root:hunter2@db/roost", DATA_DIR: join(folder, ".env") };
    const { code, stderr } = await roost(["start"], settings, folder);
    expect(code).toBe(78);
    expect(stderr.split("\n").slice(0, 2)).toEqual([
      "warning: KAFKA_BROKER (.env) is no setting; KAFKA_BROKERS was probably meant.",
      "warning: DATABSE_URL is no setting; DATABASE_URL was probably meant.",
    ]);
    const { stdout } = await roost(["doctor", "--json"], settings, folder);
    expect(JSON.parse(stdout).checks[0]).toEqual({
      name: "Settings",
      status: "warning",
      says: expect.stringMatching(
        "KAFKA_BROKERS was probably meant; DATABSE_URL is no setting; DATABASE_URL was",
      ),
      mend: "correct or remove them",
    });
    expect(stderr + stdout).not.toContain("hunter2");
  });
});

describe("a data folder that can't be used", () => {
  const file = join(here, "file");
  const dangling = join(here, "dangling");
  writeFileSync(file, "");
  symlinkSync(join(here, "nowhere"), dangling);
  // Nothing can be made in /proc, not even by root; Node's recursive mkdir tries it for ever.
  const proc = process.platform === "linux" ? [["/proc/nope", 77, "/proc "] as const] : [];

  it.each([
    [file, 78, `${file} is not a folder`] as const,
    [join(file, "below"), 78, `${file} is not a folder`] as const,
    [dangling, 78, `${dangling} is not a folder`] as const,
    ...proc,
  ])("%s: refused with the way out, as doctor finds it", async (dataDir, exitCode, says) => {
    const settings = { DATA_DIR: dataDir, PORT: "0" };
    for (const command of [["start"], ["accounts", "list"], ["cluster", "up", "redis", "--port", "4000"]]) {
      const { code, stderr } = await roost(command, settings);
      expect([code, stderr]).toEqual([exitCode, expect.stringMatching(`DATA_DIR can't be used: .*${says}`)]);
      expect(stderr).toContain("name another with DATA_DIR=");
    }
    const { checks } = JSON.parse((await roost(["doctor", "--json"], settings)).stdout);
    const [found] = checks.filter((check: { name: string }) => check.name === "Data folder");
    expect(found).toMatchObject({ status: "failed", says: expect.stringContaining(says) });
  });
});

describe("doctor", () => {
  it("checks each thing and tells how to mend what fails, and exits with 1", async () => {
    const { code, stdout } = await roost(["doctor", "--json", "--port", "0"], {
      SMTP_URL: "smtp://127.0.0.1:9",
    });
    expect(code).toBe(1);
    const { ok, checks } = JSON.parse(stdout);
    expect(ok).toBe(false);
    const found = new Map<string, { status: string; mend?: string }>(
      checks.map((check: { name: string }) => [check.name, check]),
    );
    const asked = [
      "Settings",
      "Node",
      "Port",
      "Data folder",
      "Disk",
      "Clock",
      "Open files",
      "PostgreSQL",
      "Database",
    ];
    expect([...found.keys()]).toEqual(
      expect.arrayContaining([...asked, "Public address", "Mail", "Secrets", "Web pages"]),
    );
    expect(found.get("Node")?.status).toBe("ok");
    expect(found.get("Mail")).toMatchObject({ status: "failed", mend: expect.stringContaining("SMTP_URL") });
    for (const check of found.values()) if (check.status === "failed") expect(check.mend).toBeTruthy();
  });

  it("counts wrong settings as a failed check", async () => {
    const { code, stdout } = await roost(["doctor"], { PORT: "abc" });
    expect(code).toBe(1);
    expect(stdout).toContain('PORT is "abc"');
  });

  it("changes nothing", async () => {
    const dataDir = join(here, "untouched");
    await roost(["doctor", "--data-dir", dataDir]);
    expect(() => readFileSync(dataDir)).toThrow("ENOENT");
  });
});

describe("a database that can't be reached", () => {
  it("is told in a sentence, and exits with 69", async () => {
    const { code, stderr } = await roost(["accounts", "list"], {
      DATABASE_URL: "postgres://127.0.0.1:9/roost",
    });
    expect(code).toBe(69);
    expect(stderr).toContain("127.0.0.1:9");
    expect(stderr).toContain("roost doctor");
    expect(stderr).not.toMatch(/^ +at /m);
  });
});
