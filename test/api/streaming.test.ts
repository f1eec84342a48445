/** Streams in all three styles: what arrives, what doesn't, and what ends them. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { type SignedUp, signUp } from "../support/client.ts";
import { type RunningRoost, startRoost, waitFor } from "../support/start-roost.ts";

let roost: RunningRoost;
let author: SignedUp;
let reader: SignedUp;

beforeAll(async () => {
  roost = await startRoost();
  [author, reader] = (await signUp(roost.url, "wren", "lark")) as [SignedUp, SignedUp];
  await reader.client.follow(author.id);
});

afterAll(() => roost?.[Symbol.asyncDispose]());

test("a WebSocket by its address gets posts, edits, deletions and notifications, in order", async () => {
  await using stream = await open(`?stream=user&access_token=${reader.client.token}`);
  const post = await author.client.publish("hello @lark");
  await stream.got("notification");
  await stream.got("update");
  await author.client.put(`/api/v1/statuses/${post.id}`, { status: "edited" });
  await stream.got("status.update");
  await author.client.delete(`/api/v1/statuses/${post.id}`);
  await stream.got("delete");
  const events = stream.messages.map((message) => message.event).filter((event) => event !== "notification");
  expect(events).toEqual(["update", "status.update", "delete"]);
  const update = stream.messages.find((message) => message.event === "update");
  expect(JSON.parse(update?.payload ?? "{}")).toMatchObject({ id: post.id, account: { username: "wren" } });
});

test("a WebSocket with its token as protocol subscribes and unsubscribes", async () => {
  await using stream = await open("", reader.client.token ?? "");
  expect(stream.socket.protocol).toBe(reader.client.token);
  stream.socket.send(JSON.stringify({ type: "subscribe", stream: "hashtag", tag: "Dusk" }));
  stream.socket.send("no JSON");
  await waitFor(
    () => stream.messages.some((message) => message.status === 400),
    5_000,
    "bad messages are answered",
  );
  await author.client.publish("nothing of it");
  await author.client.publish("over the hills #dusk");
  await stream.got("update");
  expect(stream.messages.filter((message) => message.event === "update").map((m) => m.stream)).toEqual([
    ["hashtag", "Dusk"],
  ]);
});

test("server-sent events carry the same", async () => {
  const stopping = new AbortController();
  const headers = { authorization: `Bearer ${reader.client.token}` };
  const answer = await fetch(`${roost.url}/api/v1/streaming/user`, { headers, signal: stopping.signal });
  expect(answer.headers.get("content-type")).toBe("text/event-stream");
  let text = "";
  const reading = (async () => {
    for await (const chunk of answer.body ?? []) text += Buffer.from(chunk as Uint8Array).toString();
  })().catch(() => {});
  const post = await author.client.publish("by events");
  await waitFor(() => text.includes(`"id":"${post.id}"`), 5_000, "the post arrives");
  expect(text).toMatch(/^:\)\n\n/);
  expect(text).toContain("event: update\ndata: {");
  stopping.abort();
  await reading;
});

test("nobody streams without a token that may", async () => {
  expect((await fetch(`${roost.url}/api/v1/streaming/user`)).status).toBe(401);
  expect((await fetch(`${roost.url}/api/v1/streaming/health`)).status).toBe(200);
  await expect(open("?stream=user&access_token=wrong")).rejects.toThrow(/401/);
});

test("a suspended account's streams and token end at once", async () => {
  const [jay] = (await signUp(roost.url, "jay")) as [SignedUp];
  await using stream = await open(`?stream=user&access_token=${jay.client.token}`);
  roost.command("accounts", "suspend", "jay");
  await waitFor(() => stream.socket.readyState === WebSocket.CLOSED, 5_000, "the stream closes");
  expect((await jay.client.ask("GET", "/api/v1/timelines/home")).status).toBe(401);
});

interface Message {
  readonly stream?: string[];
  readonly event?: string;
  readonly payload?: string;
  readonly status?: number;
}

async function open(query: string, protocol?: string) {
  const address = `${roost.url.replace("http", "ws")}/api/v1/streaming${query}`;
  const socket = protocol === undefined ? new WebSocket(address) : new WebSocket(address, protocol);
  const messages: Message[] = [];
  socket.on("message", (data: Buffer) => messages.push(JSON.parse(data.toString()) as Message));
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  // The server subscribes after it has opened the connection; a stream it doesn't know is answered behind that.
  socket.send(JSON.stringify({ type: "subscribe", stream: "none" }));
  await waitFor(() => messages.some((message) => message.status === 404), 5_000, "the server listens");
  messages.length = 0;
  const got = (event: string) =>
    waitFor(() => messages.some((message) => message.event === event), 5_000, `${event} arrives`);
  return { socket, messages, got, [Symbol.asyncDispose]: async () => socket.terminate() };
}
