/** What npm would publish: packed, unpacked away from the checkout as npm installs it, and run. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Client } from "../support/client.ts";
import { makeDataDir, removeDataDir, waitFor } from "../support/start-roost.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SLOW_MS = 120_000;
const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as Record<
  "dependencies" | "optionalDependencies",
  Record<string, string>
>;
const dependencies = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies });
const folder = mkdtempSync(join(tmpdir(), "roost-package-"));
const modules = join(folder, "node_modules");
const installed = join(modules, "roost");
const dataDir = makeDataDir();

beforeAll(() => {
  chmodSync(folder, 0o755);
  // Its build is the package's own, `prepack`; what an earlier one left behind would come along.
  rmSync(join(ROOT, "dist"), { recursive: true, force: true });
  const packed = execFileSync("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: ROOT });
  const tarball = join(folder, packed.toString().trim().split("\n").at(-1) ?? "");
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["xzf", tarball, "-C", installed, "--strip-components=1"]);
  // What a user gets beside it: the dependencies, and none of those for development.
  for (const name of dependencies) {
    const from = join(ROOT, "node_modules", name);
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(from, join(modules, name));
  }
}, SLOW_MS);

afterAll(async () => {
  await removeDataDir(dataDir);
  rmSync(folder, { recursive: true, force: true });
});

test("nothing in it needs what isn't installed with it", () => {
  const files = readdirSync(join(installed, "dist/src"), { recursive: true, encoding: "utf8" });
  const found = files.flatMap((file) => {
    if (!file.endsWith(".js")) return [];
    const text = readFileSync(join(installed, "dist/src", file), "utf8");
    const names = [...text.matchAll(/(?:from|import\()\s*"((?:@[\w.-]+\/)?[\w-][\w.-]*)[^"]*"/g)].map(
      (match) => match[1],
    );
    return names.filter((name) => !dependencies.includes(name ?? "")).map((name) => `${file}: ${name}`);
  });
  expect(found).toEqual([]);
});

test(
  "it starts, takes a post, shows it, serves its web app, and stops",
  async () => {
    // As the command that npm links; Node as it is on the machine.
    const env = {
      PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
      PORT: "0",
      DATA_DIR: dataDir,
      NO_COLOR: "1",
    };
    const roost = (...args: string[]) =>
      execFileSync(join(installed, "bin/roost"), args, { cwd: folder, env, encoding: "utf8" }).trim();
    const child = spawn(join(installed, "bin/roost"), ["start"], { cwd: folder, env });
    let told = "";
    child.stdout.resume();
    child.stderr.on("data", (chunk: Buffer) => {
      told += chunk.toString();
    });
    const exited = once(child, "exit");
    try {
      const url = () => told.match(/is ready at (\S+)/)?.[1];
      await waitFor(
        () => url() !== undefined || child.exitCode !== null,
        30_000,
        `the package starts: ${told}`,
      );
      roost("accounts", "create", "wren", "--email", "wren@example.org");
      const client = new Client(url() ?? "", roost("token", "create", "wren"));
      const { id } = await client.publish("Out of the package");
      expect((await client.home()).map((status) => status.id)).toEqual([id]);
      const page = await client.ask("GET", "/", undefined, { accept: "text/html" });
      expect(page.body).toContain("<title>");
    } finally {
      child.kill("SIGTERM");
    }
    expect((await exited)[0], told).toBe(0);
  },
  SLOW_MS,
);
