/** The order in which a thread is read. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type SignedUp, type Status, signUp } from "../support/client.ts";
import { type OpenedRoost, openTestRoost } from "../support/open-roost.ts";

let roost: OpenedRoost;
let alice: SignedUp;
let bob: SignedUp;

beforeAll(async () => {
  roost = await openTestRoost({});
  [alice, bob] = (await signUp(roost.url, "alice", "bob")) as [SignedUp, SignedUp];
});
afterAll(() => roost?.[Symbol.asyncDispose]());

test("what the author added comes first, then the answers of others, each below what it answers", async () => {
  const ids = new Map<string, string>();
  const names = new Map<string, string>();
  for (const [who, name, answered] of [
    [alice, "root"],
    [bob, "bob's answer", "root"],
    [bob, "bob's addition", "bob's answer"],
    [alice, "to bob", "bob's answer"],
    [alice, "added to that", "to bob"],
    [alice, "second", "root"],
    [bob, "about the second", "second"],
    [alice, "third", "second"],
    [alice, "other second", "root"],
  ] as const) {
    const in_reply_to_id = answered === undefined ? undefined : ids.get(answered);
    const { id } = await who.client.publish(name, in_reply_to_id === undefined ? {} : { in_reply_to_id });
    ids.set(name, id);
    names.set(id, name);
  }
  const thread = async (name: string) => {
    const path = `/api/v1/statuses/${ids.get(name)}/context`;
    const { descendants } = await alice.client.get<{ descendants: Status[] }>(path);
    return descendants.map(({ id }) => names.get(id));
  };
  expect(await thread("root")).toEqual([
    "second",
    "third",
    "other second",
    "bob's answer",
    "bob's addition",
    "to bob",
    "added to that",
    "about the second",
  ]);
  expect(await thread("bob's answer")).toEqual(["bob's addition", "to bob", "added to that"]);
  expect(await thread("second")).toEqual(["third", "about the second"]);
});
