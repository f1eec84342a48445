import { expect, it } from "vitest";
import { emptyFolder, roost } from "../spawned.ts";

it("moving shards is refused where events go through Kafka, before anything is opened", async () => {
  const settings = {
    DATABASE_URL: "postgres://nobody@127.0.0.1:1/none",
    SHARD_URLS: "postgres://nobody@127.0.0.1:1/none",
    KAFKA_BROKERS: "127.0.0.1:1",
  };
  const { code, stderr } = await roost(
    ["shards", "move", "--to", "a/b", "--shards", "1"],
    settings,
    emptyFolder(),
  );
  expect(code).toBe(77);
  expect(stderr).toMatch(/can't be moved yet where events go through Kafka/);
});
