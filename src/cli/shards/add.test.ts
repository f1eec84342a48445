import { expect, test } from "vitest";
import { freePort } from "../../cluster/process.ts";
import { emptyFolder, roost } from "../spawned.ts";

const folder = emptyFolder();

test("a database that isn't there is told as the one of --add, without its password", async () => {
  const port = await freePort();
  const add = `postgres://roost:hunter2@127.0.0.1:${port}/roost`;
  expect(await roost(["shards", "plan", "--add", add], { DATA_DIR: folder }, folder)).toEqual({
    code: 69,
    stdout: "",
    stderr: `error: --add names 127.0.0.1:${port}/roost, where nothing listens: start PostgreSQL, or correct the address.\n`,
  });
});
