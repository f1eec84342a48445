/** Who is mentioned without following hears of edits and deletions; nobody hears of what they never saw. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { type SignedUp, signUp } from "../support/client.ts";
import { type OpenedRoost, openTestRoost } from "../support/open-roost.ts";
import { settled } from "../support/told.ts";

let roost: OpenedRoost;
let people: SignedUp[];
const opened: WebSocket[] = [];

beforeAll(async () => {
  roost = await openTestRoost({ SIGN_UPS: "open" });
  people = await signUp(roost.url, "author", "mentioned", "follower", "stranger", "blocker");
});
afterAll(async () => {
  for (const socket of opened) socket.terminate();
  await roost?.[Symbol.asyncDispose]();
});

/** What comes on the account's user stream but for notifications: "event id". */
async function listen({ client }: SignedUp, stream = "user"): Promise<string[]> {
  const url = `${roost.url.replace("http", "ws")}/api/v1/streaming?stream=${stream}&access_token=${client.token}`;
  const socket = new WebSocket(url);
  opened.push(socket);
  const heard: string[] = [];
  socket.on("message", (data: Buffer) => {
    const { event, payload, error } = JSON.parse(data.toString()) as Record<string, string>;
    if (event === undefined) heard.push(error ?? "");
    else if (event !== "notification")
      heard.push(
        `${event} ${payload?.startsWith("{") ? (JSON.parse(payload) as { id: string }).id : payload}`,
      );
  });
  await new Promise((resolve) => socket.once("open", resolve));
  // Subscribing isn't answered, but what comes after it is.
  socket.send("{");
  await expect.poll(() => heard.length, { timeout: 10_000, interval: 10 }).toBe(1);
  heard.splice(0);
  return heard;
}

test("edits and deletions reach whom the post mentions, and direct ones nobody else", async () => {
  const [author, mentioned, follower, stranger, blocker] = people as [
    SignedUp,
    SignedUp,
    SignedUp,
    SignedUp,
    SignedUp,
  ];
  await follower.client.follow(author.id);
  await blocker.client.post(`/api/v1/accounts/${author.id}/block`);
  const heard = await Promise.all([mentioned, follower, stranger, blocker].map((who) => listen(who)));
  const notifications = await listen(mentioned, "user:notification");
  const names = `@${mentioned.username} @${blocker.username}`;
  const shown = await author.client.publish(`hello ${names}`);
  const direct = await author.client.publish(`psst ${names}`, { visibility: "direct" });
  for (const { id } of [shown, direct])
    await author.client.put(`/api/v1/statuses/${id}`, { status: `edited ${names}` });
  await settled(roost);
  const edits = [`status.update ${shown.id}`, `status.update ${direct.id}`];
  const followers = [`update ${shown.id}`, `status.update ${shown.id}`];
  const poll = { timeout: 10_000, interval: 10 };
  await expect.poll(() => heard, poll).toEqual([edits, followers, [], []]);
  for (const { id } of [shown, direct]) await author.client.delete(`/api/v1/statuses/${id}`);
  const last = await author.client.publish(`bye @${stranger.username}`);
  await author.client.delete(`/api/v1/statuses/${last.id}`);
  await expect
    .poll(() => heard.map((list) => list.filter((line) => line.startsWith("delete"))), poll)
    .toEqual([
      [`delete ${shown.id}`, `delete ${direct.id}`],
      [`delete ${shown.id}`, `delete ${last.id}`],
      [`delete ${last.id}`],
      [],
    ]);
  expect(notifications).toEqual([]);
});
