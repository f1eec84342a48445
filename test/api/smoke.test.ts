import { afterAll, beforeAll, expect, test } from "vitest";
import { AccountPool } from "../support/account-pool.ts";
import { signUp } from "../support/client.ts";
import { type RunningRoost, startRoost } from "../support/start-roost.ts";

let roost: RunningRoost;
beforeAll(async () => {
  roost = await startRoost();
});
afterAll(() => roost?.[Symbol.asyncDispose]());

test("a post reaches its author and a follower", async () => {
  const [alice, bob] = await signUp(roost.url, "alice", "bob");
  if (!alice || !bob) throw new Error("nobody");
  await bob.client.follow(alice.id);
  const status = await alice.client.publish("Hello");
  expect((await alice.client.home()).map((s) => s.id)).toEqual([status.id]);
  await expect.poll(async () => (await bob.client.home()).map((s) => s.id)).toEqual([status.id]);
});

test("pooled accounts work", async () => {
  await using pool = await AccountPool.open(roost);
  const [carol] = await pool.take(1);
  const status = await carol?.client.publish("Hello");
  expect((await carol?.client.home())?.map((s) => s.id)).toEqual([status?.id]);
});
