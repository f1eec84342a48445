/** `roost cluster` as people run it, with the engine that starts soonest. */
import { execFile, spawn } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { processesIn } from "../../cluster/process.ts";
import { hasRedis } from "../../cluster/redis.ts";
import { sleep } from "../../core/clock.ts";
import { packageDir } from "../invocation.ts";
import { tryPort } from "../port-owner.ts";
import { emptyFolder, hasTerminals, type Outcome, roost } from "../spawned.ts";

const why = hasRedis() ? "" : " (skipped: redis-server isn't installed; scripts/install-engines installs it)";

describe.skipIf(!hasRedis())(`roost cluster${why}`, () => {
  const folder = emptyFolder();
  let port = 0;
  const cluster = (...args: string[]) => roost(["cluster", ...args], { DATA_DIR: folder }, folder);
  const parts = async () => {
    const { stdout } = await cluster("status", "--json");
    const found = JSON.parse(stdout) as { parts: { name: string; state: string; ports: number[] }[] };
    return Object.fromEntries(
      found.parts.filter(({ name }) => name.startsWith("redis")).map(({ name, state }) => [name, state]),
    );
  };

  beforeAll(async () => {
    for (port = 31_000; (await tryPort("127.0.0.1", port + 30)).problem !== null; port += 100);
  });
  afterAll(() => cluster("down", "--purge"));

  test("says that there is none, and how to get one", async () => {
    const { code, stderr } = await cluster("status");
    expect(code).toBe(1);
    expect(stderr).toMatch(/There is no cluster in .*\n.*roost cluster up/);
    expect(await cluster("env")).toEqual({ code, stdout: "", stderr });
  });

  test("names who has a port that it needs, before it starts anything", async () => {
    const server = createServer().listen(port + 31, "127.0.0.1");
    const { code, stderr } = await cluster("up", "redis", "--port", `${port}`);
    server.close();
    expect(code).toBe(69);
    expect(stderr).toContain(`${port + 31}, for redis-2, is in use by pid ${process.pid}`);
    expect(processesIn(join(folder, "cluster"))).toEqual([]);
  });

  test.each([
    ["in plain lines", "sh", ["-c"]],
    ["drawn on a terminal", "script", ["-qefc"]],
  ])("interrupted it says what runs and how to go on, %s", async (_, shell, args) => {
    if (shell === "script" && !hasTerminals) return;
    const command = `exec ${join(packageDir, "bin", "roost")} cluster up redis --port ${port}`;
    const child = spawn(shell, [...args, command, "/dev/null"], {
      env: { PATH: "/usr/bin:/bin", DATA_DIR: folder, TERM: "dumb" },
      detached: true,
    });
    let told = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (told += chunk));
    const exited = new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)));
    const running = () => processesIn(join(folder, "cluster")).length;
    while (running() === 0 && child.exitCode === null) await sleep(5);
    if (shell === "script") child.stdin.write("\u0003");
    else process.kill(-(child.pid ?? 0), "SIGINT");
    expect(await exited, told).toBe(130);
    expect(running()).toBeGreaterThan(0);
    const says =
      /^(?:(\d) parts run|(1) part runs): `roost cluster up` goes on, `roost cluster down` stops what/m;
    const [, many, one] = told.match(says) ?? [];
    expect(Number(many ?? one), told).toBe(running());
    expect((await cluster("down")).code).toBe(0);
    expect(running()).toBe(0);
  });

  test("comes up in plain lines, shows what runs, breaks and is mended", async () => {
    const up = await cluster("up", "redis", "--port", `${port}`);
    expect(up.code, up.stderr).toBe(0);
    expect(up.stderr).toMatch(/^Redis Cluster: \d+\.\d s$/m);
    expect(up.stderr).toContain('eval "$(npx roost cluster env)"');
    expect(up.stdout).toMatch(/redis-2 +ready +\d+ +\d+ /);
    expect((await cluster("kill", "redis-2")).stderr).toContain("redis-2 was killed");
    expect(await parts()).toEqual({ "redis-1": "ready", "redis-2": "down", "redis-3": "ready" });
    expect((await cluster("status")).code).toBe(1);
    expect((await cluster("kill", "redis-2")).stderr).toContain("roost cluster start redis-2");
    expect((await cluster("start", "redis-2")).code).toBe(0);
    await cluster("freeze", "redis-3");
    await expect.poll(parts, { timeout: 20_000 }).toMatchObject({ "redis-2": "ready", "redis-3": "frozen" });
    // Once set up, its ports are known.
    expect((await cluster("up", "redis")).code).toBe(0);
    expect(await parts()).toEqual({ "redis-1": "ready", "redis-2": "ready", "redis-3": "ready" });
    expect((await cluster("logs", "redis-1", "--lines", "3")).stdout.trim().split("\n")).toHaveLength(3);
  });

  test("refuses other ports than those it was set up with", async () => {
    const { code, stderr } = await cluster("up", "redis", "--port", `${port + 100}`);
    expect(code).toBe(78);
    expect(stderr).toContain(`was set up with PORT ${port}`);
  });

  describe("settings for a shell", () => {
    const odd = { INSTANCE_TITLE: `it's "$HOME" \`id\` \\ and more`, PORT: "5432" };
    /** In a shell that has them, and no other settings. */
    const inShell = async (line: string) => {
      const { stdout } = await roost(["cluster", "env"], { DATA_DIR: folder, ...odd }, folder);
      return new Promise<Outcome>((resolve) => {
        const script = `roost() { '${join(packageDir, "bin", "roost")}' "$@"; }; eval "$SETTINGS"; ${line}`;
        const env = { PATH: "/usr/bin:/bin", SETTINGS: stdout };
        execFile("/bin/sh", ["-c", script], { env, cwd: folder }, (error, out, stderr) =>
          resolve({ code: Number(error?.code ?? 0), stdout: out, stderr }),
        );
      });
    };

    test("are those of the cluster's processes, whatever is in them, and no port", async () => {
      const { stdout } = await roost(["cluster", "env", "--json"], { DATA_DIR: folder, ...odd }, folder);
      const settings = JSON.parse(stdout) as Record<string, string>;
      expect(settings).toMatchObject({
        INSTANCE_TITLE: odd.INSTANCE_TITLE,
        PUBLIC_URL: `http://localhost:${port}`,
        REDIS_URL: `redis+cluster://${[30, 31, 32].map((n) => `127.0.0.1:${port + n}`).join(",")}`,
      });
      expect(settings).not.toHaveProperty("PORT");
      const shell = await inShell(`'${process.execPath}' -p 'JSON.stringify(process.env)'`);
      expect(JSON.parse(shell.stdout)).toMatchObject(settings);
    });

    test("make commands work on its engines, and on the cluster itself", async () => {
      const doctor = await inShell("roost doctor --json");
      const { checks } = JSON.parse(doctor.stdout) as { checks: { name: string; status: string }[] };
      expect(checks).toContainEqual(expect.objectContaining({ name: "Redis", status: "ok" }));
      // Only Redis runs here.
      const shards = await inShell("roost shards list");
      expect(shards).toMatchObject({ code: 69, stderr: expect.stringContaining(`127.0.0.1:${port + 14}`) });
      const status = await inShell("roost cluster status --json");
      expect(JSON.parse(status.stdout)).toMatchObject({ folder: join(folder, "cluster") });
    });
  });

  test("names the parts there are", async () => {
    const { code, stderr } = await cluster("kill", "redis-9");
    expect(code).toBe(2);
    expect(stderr).toContain("redis-1, redis-2, redis-3");
  });

  test("down leaves nothing running, and with --purge nothing at all", async () => {
    expect((await cluster("down")).code).toBe(0);
    expect(processesIn(join(folder, "cluster"))).toEqual([]);
    expect(await parts()).toEqual({ "redis-1": "down", "redis-2": "down", "redis-3": "down" });
    expect((await cluster("down", "--purge")).stderr).toContain("Nothing is left.");
    expect((await cluster("status")).stderr).toContain("There is no cluster");
  });
});
