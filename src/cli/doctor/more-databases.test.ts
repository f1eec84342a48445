import { expect, test } from "vitest";
import { startShardDatabases } from "../../../test/support/shard-databases.ts";
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

test("doctor says that a replica of something else fails: with it, no server starts", async () => {
  await using databases = await startShardDatabases(["another"]);
  const { mainUrl, shardUrls } = databases;
  const found = async (...replicaUrls: string[]) =>
    (await look({ DATABASE_URL: mainUrl, DATABASE_REPLICA_URLS: replicaUrls.join(",") }))[1];
  expect(await found(mainUrl)).toEqual({ status: "ok", says: "1 can be used" });
  const away = `postgres://roost@127.0.0.1:${await freePort()}/roost`;
  expect(await found(away, mainUrl, ...shardUrls)).toEqual({
    status: "failed",
    says: expect.stringMatching(
      /^DATABASE_REPLICA_URLS names .*\/another, which is another database than \w+, which DATABASE_URL names \(and 1 more\)$/,
    ),
    mend: "name the same one, on a replica",
  });
});
