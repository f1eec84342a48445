import { afterAll, beforeAll, expect, test } from "vitest";
import { type SignedUp, type Status, signUp } from "../support/client.ts";
import { type OpenedRoost, openTestRoost } from "../support/open-roost.ts";

let roost: OpenedRoost;
let viewer: SignedUp;
let muted: SignedUp;

beforeAll(async () => {
  roost = await openTestRoost({});
  [viewer, muted] = (await signUp(roost.url, "wren", "robin")) as [SignedUp, SignedUp];
});
afterAll(() => roost?.[Symbol.asyncDispose]());

test("a mute that runs out brings its posts back everywhere, and its account among the suggestions", async () => {
  const { client } = viewer;
  const { id } = await muted.client.publish("Sung in #public");
  const shows = async (path: string) => (await client.get<Status[]>(path)).some((status) => status.id === id);
  const isSuggested = async () =>
    (await client.get<{ account: { id: string } }[]>("/api/v2/suggestions")).some(
      ({ account }) => account.id === muted.id,
    );
  const everywhere = () =>
    Promise.all([shows("/api/v1/timelines/public"), shows("/api/v1/timelines/tag/public"), isSuggested()]);
  expect(await everywhere()).toEqual([true, true, true]);
  await client.post(`/api/v1/accounts/${muted.id}/mute`, { duration: 2 });
  expect(await everywhere()).toEqual([false, false, false]);
  await expect.poll(everywhere, { timeout: 8_000 }).toEqual([true, true, true]);
});

test("the list of mutes says until when", async () => {
  const { client } = viewer;
  const listed = async () =>
    (await client.get<{ id: string; mute_expires_at: string | null }[]>("/api/v1/mutes")).map(
      ({ id, mute_expires_at }) => ({ id, mute_expires_at }),
    );
  const path = `/api/v1/accounts/${muted.id}/mute`;
  const { muting_expires_at } = await client.post<{ muting_expires_at: string }>(path, { duration: 3_600 });
  expect(Date.parse(muting_expires_at)).toBeGreaterThan(Date.now() + 3_000_000);
  expect(await listed()).toEqual([{ id: muted.id, mute_expires_at: muting_expires_at }]);
  await client.post(path);
  expect(await listed()).toEqual([{ id: muted.id, mute_expires_at: null }]);
  await client.post(`/api/v1/accounts/${muted.id}/unmute`);
  expect(await listed()).toEqual([]);
});
