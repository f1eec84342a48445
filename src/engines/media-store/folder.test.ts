import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { mediaStoreContract } from "./contract.ts";
import { FolderMediaStore } from "./folder.ts";

let folder: string;
const newFolder = () => mkdtemp(join(folder, "store-"));
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "roost-media-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

mediaStoreContract(async () => FolderMediaStore.open(await newFolder()));

test("what was put is there when it's opened again, and files have their keys as paths", async () => {
  const root = join(await newFolder(), "made/when/missing");
  await using first = await FolderMediaStore.open(root);
  await first.put("media/1/a.png", Buffer.from("a"), "image/png");
  await using again = await FolderMediaStore.open(root);
  const found = await again.get("media/1/a.png");
  expect(found && (await buffer(found.body))).toEqual(Buffer.from("a"));
  expect(existsSync(join(root, "media/1/a.png"))).toBe(true);
  expect(await readdir(join(root, ".partial"))).toEqual([]);
});

test("a put that fails leaves nothing behind", async () => {
  const root = await newFolder();
  await using store = await FolderMediaStore.open(root);
  await mkdir(join(root, "taken.png"));
  await expect(store.put("taken.png", Buffer.from("a"), "image/png")).rejects.toThrow();
  expect(await readdir(join(root, ".partial"))).toEqual([]);
});

test("removes what dead processes left unfinished, not what others are writing", async () => {
  const root = await newFolder();
  await mkdir(join(root, ".partial"));
  await writeFile(join(root, ".partial/old"), "x");
  await utimes(join(root, ".partial/old"), 1, 1);
  await writeFile(join(root, ".partial/new"), "x");
  await using _ = await FolderMediaStore.open(root);
  expect(await readdir(join(root, ".partial"))).toEqual(["new"]);
});

test("a folder that can't be written to is an error when it's opened", async () => {
  const root = join(await newFolder(), "file");
  await writeFile(root, "");
  await expect(FolderMediaStore.open(root)).rejects.toThrow(/ENOTDIR|EEXIST/);
  await symlink(join(folder, "nowhere/at/all"), `${root}-link`);
  await expect(FolderMediaStore.open(`${root}-link`)).rejects.toThrow();
});

/** Puts keys 0, 1, 2… of 300 kB, several at a time, and says each that was acknowledged. */
const WRITER = `
  const { FolderMediaStore } = await import(process.argv[1]);
  const store = await FolderMediaStore.open(process.argv[2]);
  let next = 0;
  const write = async () => {
    for (;;) {
      const name = next++;
      await store.put("media/" + (name % 7) + "/" + name + ".png", Buffer.alloc(300_000, String(name)), "image/png");
      process.stdout.write(name + "\\n");
    }
  };
  await Promise.all([write(), write(), write()]);
`;

test("every acknowledged put survives kill -9, and no name shows part of a file", async () => {
  const root = await newFolder();
  for (const killAfter of [1, 5, 12, 30]) {
    const acknowledged = await putsUntilKilled(root, killAfter);
    expect(acknowledged.length).toBeGreaterThanOrEqual(killAfter);
    await using store = await FolderMediaStore.open(root);
    for (const name of acknowledged)
      expect(await bodyOf(store, name), name).toEqual(Buffer.alloc(300_000, name));
    for (const path of await readdir(root, { recursive: true })) {
      const name = /^media\/\d\/(\d+)\.png$/.exec(path)?.[1];
      if (name !== undefined) expect(await bodyOf(store, name), path).toEqual(Buffer.alloc(300_000, name));
    }
  }
}, 30_000);

async function bodyOf(store: FolderMediaStore, name: string): Promise<Buffer | null> {
  const found = await store.get(`media/${Number(name) % 7}/${name}.png`);
  return found && (await buffer(found.body));
}

async function putsUntilKilled(root: string, killAfter: number): Promise<string[]> {
  const module = new URL("./folder.ts", import.meta.url).href;
  const writer: ChildProcess = spawn(process.execPath, ["--input-type=module", "-e", WRITER, module, root], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(writer, "exit");
  const acknowledged: string[] = [];
  if (writer.stdout) {
    for await (const name of createInterface({ input: writer.stdout })) {
      // Lines this short are written whole or not at all.
      acknowledged.push(name);
      if (acknowledged.length === killAfter) writer.kill("SIGKILL");
    }
  }
  expect(await ended).toEqual([null, "SIGKILL"]);
  return acknowledged;
}
