import { expect, test } from "vitest";
import { freePort } from "../../cluster/process.ts";
import { loadConfig } from "../../config.ts";
import type { Terminal } from "../terminal.ts";
import { moreDatabaseChecks } from "./more-databases.ts";

const look = (settings: Record<string, string>) =>
  Promise.all(moreDatabaseChecks.map((check) => check.run(loadConfig(settings), {} as Terminal)));

test("doctor needs neither shards nor replicas", async () => {
  const found = await look({});
  expect(found.map(({ status }) => status)).toEqual(["skipped", "skipped"]);
});

test("doctor says which shard or replica is away, without its password, and that only the shard is needed", async () => {
  const port = await freePort();
  const url = (name: string) => `postgres://roost:hunter2@127.0.0.1:${port}/${name}`;
  const found = await look({
    DATABASE_URL: url("main"),
    SHARD_URLS: `${url("one")},${url("two")}`,
    DATABASE_REPLICA_URLS: url("copy"),
  });
  expect(found).toEqual([
    {
      status: "failed",
      says: `SHARD_URLS names 127.0.0.1:${port}/one, where nothing listens (and 1 more)`,
      mend: "start PostgreSQL, or correct the address",
    },
    {
      status: "warning",
      says: `DATABASE_REPLICA_URLS names 127.0.0.1:${port}/copy, where nothing listens`,
      mend: "start PostgreSQL, or correct the address",
    },
  ]);
});
