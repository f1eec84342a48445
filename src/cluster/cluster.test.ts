/** The cluster's bookkeeping, with small processes instead of engines: what runs is found, mended and ended. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Cluster, type Group } from "./cluster.ts";
import { accepts, freePort, launch, processesIn } from "./process.ts";

let folder: string;
let cluster: Cluster;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "roost-cluster-"));
  cluster = new Cluster(folder, [await group("front", ["back"]), await group("back", [])]);
});

afterEach(async () => {
  for (const one of cluster.groups) await cluster.down(one);
  rmSync(folder, { recursive: true, force: true });
});

/** Listens on its port; with `child`, by means of a process that outlives it. */
const SERVER = `
  const [port, child] = process.argv.slice(1);
  if (child) {
    require("child_process").spawn(process.execPath, ["-e", process.env.SCRIPT, port], { detached: true, stdio: "inherit" });
    setInterval(() => {}, 1000);
  } else require("net").createServer().listen(Number(port), "127.0.0.1");
  console.log("started on " + port);`;

async function group(name: string, needs: string[], child = false): Promise<Group> {
  const parts = await Promise.all(
    [1, 2].map(async (n) => {
      const port = await freePort();
      return { name: `${name}-${n}`, what: "listens", ports: [port], isReady: () => accepts(port) };
    }),
  );
  return {
    name,
    title: name,
    needs,
    parts,
    readyMsMax: 10_000,
    setUp: (at) =>
      Promise.all(
        parts.map((part) =>
          launch({
            name: part.name,
            folder: at,
            command: process.execPath,
            args: ["-e", SERVER, `${part.ports[0]}`, ...(child ? ["child"] : [])],
            env: { SCRIPT: SERVER },
            isReady: part.isReady,
            readyMsMax: 10_000,
          }),
        ),
      ),
  };
}

const states = async () => (await cluster.status()).map(({ name, state }) => `${name} ${state}`).sort();
const part = (name: string) => {
  const [found] = cluster.named(name);
  if (!found) throw new Error(`there is no ${name}`);
  return found;
};
const upAll = async () => {
  for (const one of cluster.inOrder()) await cluster.up(one);
};

describe("a cluster", () => {
  test("comes up after what it needs, and is found by who comes later", async () => {
    expect(cluster.inOrder().map(({ name }) => name)).toEqual(["back", "front"]);
    await upAll();
    const later = new Cluster(folder, cluster.groups);
    expect((await later.status()).map(({ state }) => state)).toEqual(["ready", "ready", "ready", "ready"]);
    expect(later.processOf(part("back-1"))?.record).toEqual(cluster.processOf(part("back-1"))?.record);
  });

  test("up again starts what is missing and leaves the rest alone", async () => {
    await upAll();
    const pids = async () => Object.fromEntries((await cluster.status()).map(({ name, pid }) => [name, pid]));
    const before = await pids();
    expect(await cluster.kill(part("back-2"))).toBe(true);
    expect(await states()).toContain("back-2 down");
    await upAll();
    const after = await pids();
    expect(after["back-2"]).not.toBe(before["back-2"]);
    expect({ ...after, "back-2": 0 }).toEqual({ ...before, "back-2": 0 });
  });

  test("freezes and thaws a part; up thaws as well", async () => {
    await upAll();
    expect(cluster.freeze(part("front-1"))).toBe(true);
    // The kernel stops it and lets it go on when it gets to it.
    await expect.poll(states, { timeout: 10_000 }).toContain("front-1 frozen");
    cluster.thaw(part("front-1"));
    await expect.poll(states, { timeout: 10_000 }).toContain("front-1 ready");
    cluster.freeze(part("front-1"));
    await upAll();
    expect(await states()).toContain("front-1 ready");
  });

  test("a set-up that was interrupted begins anew", async () => {
    const [, back] = cluster.groups as [Group, Group];
    const half = new Cluster(folder, [
      {
        ...back,
        setUp: async (at) => void (await back.setUp?.(at).then(() => Promise.reject(Error("cut")))),
      },
    ]);
    await expect(half.up(half.groups[0] as Group)).rejects.toThrow("cut");
    const leftover = cluster.processOf(part("back-1"))?.record.pid;
    expect(leftover).toBeGreaterThan(0);
    await upAll();
    expect(cluster.processOf(part("back-1"))?.record.pid).not.toBe(leftover);
    expect(processesIn(join(folder, "back"))).toHaveLength(2);
  });

  test("down ends frozen parts and children whose parent was killed, and keeps what is stored", async () => {
    cluster = new Cluster(folder, [await group("odd", [], true)]);
    await upAll();
    cluster.freeze(part("odd-1"));
    process.kill(cluster.processOf(part("odd-2"))?.record.pid ?? 0, "SIGKILL");
    await cluster.down(cluster.groups[0] as Group);
    expect(processesIn(folder)).toEqual([]);
    for (const one of cluster.parts) expect(await accepts(one.ports[0] ?? 0)).toBe(false);
    expect(readdirSync(join(folder, "odd"))).toContain("odd-1.log");
    await upAll();
    expect(await states()).toEqual(["odd-1 ready", "odd-2 ready"]);
  });

  test("a part that can't start says why, in its own last words", async () => {
    await upAll();
    await cluster.kill(part("front-1"));
    const file = join(folder, "front", "front-1.launch.json");
    const spec = JSON.parse(readFileSync(file, "utf8"));
    writeFileSync(file, JSON.stringify({ ...spec, args: ["-e", "console.log('no more'); process.exit(3)"] }));
    // "With 3", unless somebody else listens on its port by now, and it seems ready for a moment.
    await expect(cluster.up(cluster.groups[0] as Group)).rejects.toThrow(/front-1 .*ended[\s\S]*no more/);
  });
});
