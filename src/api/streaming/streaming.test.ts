/** Streams over all three transports, on a server of this process, so that what it listens to can be counted. */
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { type SignedUp, signUp } from "../../../test/support/client.ts";
import { makeDataDir, removeDataDir } from "../../../test/support/start-roost.ts";
import { suspendAccount } from "../../accounts/suspend.ts";
import { openRoost, type Roost } from "../../composition.ts";
import { loadConfig } from "../../config.ts";
import { MemoryLiveBus } from "../../engines/live-bus/memory.ts";
import { STATUS_CHANNEL } from "../../feed/live.ts";
import { LiveConnection } from "./live-connection.ts";

vi.setConfig({ testTimeout: 30_000, hookTimeout: 90_000 });

interface Message {
  readonly stream?: string[];
  readonly event?: string | undefined;
  readonly payload?: string | undefined;
  readonly error?: string;
  readonly status?: number;
}

const dataDir = makeDataDir();
const opened: (() => void)[] = [];
let roost: Roost;
let url: string;
let alice: SignedUp;
let bob: SignedUp;
let carol: SignedUp;

beforeAll(async () => {
  const settings = { DATA_DIR: dataDir, PORT: "0", SIGN_UPS: "open", RATE_LIMITS: "off" };
  const { config } = loadConfig(settings, {});
  roost = await openRoost(config, { log: pino({ level: "silent" }) });
  url = await roost.listen();
  [alice, bob, carol] = (await signUp(url, "alice", "bob", "carol")) as [SignedUp, SignedUp, SignedUp];
  await bob.client.follow(alice.id);
});
afterEach(() => {
  for (const close of opened.splice(0)) close();
});
afterAll(async () => {
  await roost?.[Symbol.asyncDispose]();
  await removeDataDir(dataDir);
});

const poll = { timeout: 10_000, interval: 10 };
const tokenOf = ({ client }: SignedUp) => client.token ?? "";
const events = (heard: readonly Message[]) => heard.map(({ event, payload }) => [event, idOf(payload)]);
const listeners = () => (roost.api.liveBus instanceof MemoryLiveBus ? roost.api.liveBus.size : Number.NaN);

function idOf(payload = ""): string {
  return payload.startsWith("{") ? (JSON.parse(payload) as { id: string }).id : payload;
}

async function openSocket(path: string, protocol?: string, headers: Record<string, string> = {}) {
  const socket = new WebSocket(`${url.replace("http", "ws")}/api/v1/streaming${path}`, protocol ?? [], {
    headers,
  });
  opened.push(() => socket.terminate());
  const heard: Message[] = [];
  socket.on("message", (data: Buffer) => heard.push(JSON.parse(data.toString()) as Message));
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.on("close", (code: number, reason: Buffer) => resolve({ code, reason: reason.toString() })),
  );
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  return { socket, heard, closed, say: (message: unknown) => socket.send(JSON.stringify(message)) };
}

/** Not by fetch, which opens a spare connection for each that was left, and keeps it. */
async function openEvents(path: string, token: string | null, method = "GET") {
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  const asked = request(`${url}/api/v1/streaming/${path}`, { method, headers, agent: false });
  opened.push(() => asked.destroy());
  asked.on("error", () => {});
  asked.end();
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  let text = "";
  answer.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const ended = new Promise<void>((resolve) => answer.on("error", () => {}).once("close", resolve));
  const heard = () =>
    [...text.matchAll(/event: (.+)\ndata: (.+)\n\n/g)].map(([, event, payload]) => ({ event, payload }));
  return { answer, heard, ended, text: () => text, leave: () => asked.destroy() };
}

/** Streams are subscribed to without an answer: what the bus says is listened to. */
async function settled(socket: Awaited<ReturnType<typeof openSocket>>): Promise<void> {
  const before = socket.heard.length;
  socket.say({ type: "settled?" });
  await expect.poll(() => socket.heard.length, poll).toBeGreaterThan(before);
  socket.heard.splice(0);
}

test("a WebSocket with its token as protocol: posts, edits and deletions, in order, as JSON in text", async () => {
  const stream = await openSocket("", tokenOf(bob));
  expect(stream.socket.protocol).toBe(tokenOf(bob));
  stream.say({ type: "subscribe", stream: "user" });
  await settled(stream);
  const wanted: [string, string][] = [];
  for (let n = 0; n < 10; n++) wanted.push(["update", (await alice.client.publish(`Post ${n}`)).id]);
  const [, id = ""] = wanted[0] ?? [];
  await expect.poll(() => stream.heard.length, poll).toBe(10);
  await alice.client.put(`/api/v1/statuses/${id}`, { status: "Edited" });
  await alice.client.delete(`/api/v1/statuses/${id}`);
  await expect.poll(() => stream.heard.length, poll).toBeGreaterThanOrEqual(11);
  await expect.poll(() => events(stream.heard).at(-1), poll).toEqual(["delete", id]);
  // An edit that is deleted before it's sent isn't sent.
  expect(events(stream.heard).filter(([event]) => event !== "status.update")).toEqual([
    ...wanted,
    ["delete", id],
  ]);
  expect(stream.heard[0]?.stream).toEqual(["user"]);
  const post = JSON.parse(stream.heard[0]?.payload ?? "");
  expect(post).toMatchObject({ content: "<p>Post 0</p>", favourited: false, account: { id: alice.id } });
});

test("an edit comes as the status it has become; one's own posts come too", async () => {
  const reader = await openSocket(`/?stream=user&access_token=${tokenOf(bob)}`);
  const author = await openSocket("?stream=user", undefined, { authorization: `Bearer ${tokenOf(alice)}` });
  await Promise.all([settled(reader), settled(author)]);
  const { id } = await alice.client.publish("Before");
  for (const { heard } of [reader, author]) {
    await expect.poll(() => events(heard), poll).toEqual([["update", id]]);
  }
  await alice.client.put(`/api/v1/statuses/${id}`, { status: "After" });
  for (const { heard } of [reader, author]) {
    await expect.poll(() => events(heard).at(-1), poll).toEqual(["status.update", id]);
    expect(JSON.parse(heard.at(-1)?.payload ?? "").content).toBe("<p>After</p>");
  }
});

test("server-sent events: a greeting, then posts and deletions", async () => {
  const stream = await openEvents("user", tokenOf(bob));
  expect(stream.answer.statusCode).toBe(200);
  expect(stream.answer.headers["content-type"]).toBe("text/event-stream");
  await expect.poll(stream.text, poll).toBe(":)\n\n");
  const { id } = await alice.client.publish("By event");
  await expect.poll(() => events(stream.heard()), poll).toEqual([["update", id]]);
  await alice.client.delete(`/api/v1/statuses/${id}`);
  await expect
    .poll(() => events(stream.heard()), poll)
    .toEqual([
      ["update", id],
      ["delete", id],
    ]);
});

test("what isn't in the home timeline isn't streamed: strangers, the muted, the unfollowed", async () => {
  const stream = await openSocket(`?stream=user&access_token=${tokenOf(bob)}`);
  await settled(stream);
  await carol.client.publish("By a stranger");
  await bob.client.post(`/api/v1/accounts/${alice.id}/mute`);
  await alice.client.publish("Unheard");
  // What is sent is decided as it is sent: everything before the unmuting must have come so far.
  await expect.poll(() => roost.isIdle(), poll).toBe(true);
  const own = await bob.client.publish("One's own");
  await expect.poll(() => events(stream.heard), poll).toEqual([["update", own.id]]);
  await bob.client.post(`/api/v1/accounts/${alice.id}/unmute`);
  const { id } = await alice.client.publish("Heard");
  await expect.poll(() => events(stream.heard).slice(1), poll).toEqual([["update", id]]);
});

test("notifications come on user and user:notification, posts on the former alone", async () => {
  const both = await openSocket(`?stream=user&access_token=${tokenOf(bob)}`);
  const alone = await openEvents("user/notification", tokenOf(bob));
  await settled(both);
  await expect.poll(alone.text, poll).toContain(":)");
  const { id } = await alice.client.publish("Hello @bob");
  await expect.poll(() => both.heard.length, poll).toBe(2);
  const notification = both.heard.find(({ event }) => event === "notification");
  expect(JSON.parse(notification?.payload ?? "")).toMatchObject({
    type: "mention",
    account: { id: alice.id },
    status: { id },
  });
  await expect.poll(() => alone.heard().map(({ event }) => event), poll).toEqual(["notification"]);
});

test("public streams: no token needed; no replies to others, no boosts, nothing unlisted", async () => {
  const stream = await openSocket("?stream=public");
  const byTag = await openEvents("hashtag/local?tag=Roost", null);
  await settled(stream);
  await expect.poll(byTag.text, poll).toContain(":)");
  const first = await alice.client.publish("About #rOOst");
  await bob.client.publish("@alice a reply", { in_reply_to_id: first.id });
  await bob.client.publish("Unlisted #roost", { visibility: "unlisted" });
  await bob.client.post(`/api/v1/statuses/${first.id}/reblog`);
  const quiet = await bob.client.publish("For followers", { visibility: "private" });
  await bob.client.delete(`/api/v1/statuses/${quiet.id}`);
  const last = await alice.client.publish("A thread", { in_reply_to_id: first.id });
  await expect.poll(() => stream.heard.length, poll).toBe(2);
  await alice.client.delete(`/api/v1/statuses/${last.id}`);
  const wanted = [
    ["update", first.id],
    ["update", last.id],
    ["delete", last.id],
  ];
  await expect.poll(() => events(stream.heard), poll).toEqual(wanted);
  expect(stream.heard[0]?.stream).toEqual(["public"]);
  expect(events(byTag.heard())).toEqual([["update", first.id]]);
});

test("public streams leave out whom the viewer blocks, and who blocks the viewer", async () => {
  const [dora, emil] = (await signUp(url, "dora", "emil")) as [SignedUp, SignedUp];
  const streams = [
    await openSocket(`?stream=public:local&access_token=${tokenOf(dora)}`),
    await openSocket(`?stream=public:local&access_token=${tokenOf(emil)}`),
  ];
  await Promise.all(streams.map(settled));
  await dora.client.post(`/api/v1/accounts/${emil.id}/block`);
  const byDora = await dora.client.publish("By dora");
  const byEmil = await emil.client.publish("By emil");
  const other = await alice.client.publish("By alice");
  const heard = streams.map((stream) => () => events(stream.heard).map(([, id]) => id));
  await expect.poll(() => heard[0]?.(), poll).toEqual([byDora.id, other.id]);
  await expect.poll(() => heard[1]?.(), poll).toEqual([byEmil.id, other.id]);
});

test("lists and direct messages", async () => {
  const { id: list } = await bob.client.post<{ id: string }>("/api/v1/lists", { title: "Friends" });
  await bob.client.post(`/api/v1/lists/${list}/accounts`, { account_ids: [alice.id] });
  const stream = await openSocket("", tokenOf(bob));
  stream.say({ type: "subscribe", stream: "list", list });
  stream.say({ type: "subscribe", stream: "direct" });
  await settled(stream);
  const posted = await alice.client.publish("For the list");
  const direct = await carol.client.publish("@bob only you", { visibility: "direct" });
  await carol.client.publish("@alice not bob", { visibility: "direct" });
  await carol.client.publish("No member");
  const gone = await alice.client.publish("Also for the list");
  await expect.poll(() => stream.heard.length, poll).toBe(3);
  expect(stream.heard.map(({ stream: name, payload }) => [name, idOf(payload)])).toEqual([
    [["list", list], posted.id],
    [["direct"], direct.id],
    [["list", list], gone.id],
  ]);
  stream.say({ type: "unsubscribe", stream: "list", list });
  await settled(stream);
  await alice.client.publish("To nobody");
  const last = await carol.client.publish("@bob again", { visibility: "direct" });
  await expect.poll(() => events(stream.heard), poll).toEqual([["update", last.id]]);
});

test("what is refused is refused in each style; asking for the head of a stream opens none", async () => {
  const { id: list } = await alice.client.post<{ id: string }>("/api/v1/lists", { title: "Mine" });
  for (const [path, token, status] of [
    ["user", null, 401],
    ["user", "nonsense", 401],
    [`list?list=${list}`, tokenOf(bob), 404],
    ["nonsense", tokenOf(bob), 404],
  ] as const) {
    const { answer } = await openEvents(path, token);
    expect([path, answer.statusCode]).toEqual([path, status]);
  }
  expect((await openEvents("public", null, "HEAD")).answer.statusCode).toBe(404);
  await expect(openSocket("?stream=user&access_token=nonsense")).rejects.toThrow("401");
  const nobody = await openSocket("?stream=user");
  await expect.poll(() => nobody.heard[0]?.status, poll).toBe(401);
  const other = await openSocket(`?stream=list&list=${list}`, tokenOf(bob));
  await expect.poll(() => other.heard[0]?.status, poll).toBe(404);
});

test("malformed messages are answered, and the connection goes on", async () => {
  const stream = await openSocket("", tokenOf(bob));
  for (const message of ["{", "null", '{"type":7,"stream":"user"}']) stream.socket.send(message);
  await expect.poll(() => stream.heard.map(({ status }) => status), poll).toEqual([400, 400, 400]);
  for (let n = 0; n < 20; n++) stream.say({ type: "subscribe", stream: "hashtag", tag: `tag${n}` });
  await settled(stream);
  stream.say({ type: "subscribe", stream: "hashtag", tag: "tag0" });
  stream.say({ type: "subscribe", stream: "user" });
  await expect.poll(() => stream.heard, poll).toEqual([expect.objectContaining({ status: 400 })]);
});

test("too large a message, and too many of them, end the connection and nothing else", async () => {
  const large = await openSocket("");
  large.say("x".repeat(5_000));
  expect((await large.closed).code).toBe(1009);
  const hasty = await openSocket("", tokenOf(bob));
  for (let n = 0; n < 200; n++) hasty.say({ type: "subscribe", stream: "list", list: "1" });
  expect(await hasty.closed).toEqual({ code: 1008, reason: "too many messages at once" });
  expect(await (await fetch(`${url}/api/v1/streaming/health`)).text()).toBe("OK");
});

test("a suspended account's streams end at once, with or without something subscribed", async () => {
  const [felix] = (await signUp(url, "felix")) as [SignedUp];
  const idle = await openSocket("", tokenOf(felix));
  const busy = await openSocket(`?stream=user&access_token=${tokenOf(felix)}`);
  const byEvent = await openEvents("public", tokenOf(felix));
  const other = await openSocket(`?stream=user&access_token=${tokenOf(bob)}`);
  await Promise.all([settled(idle), settled(busy), settled(other)]);
  await expect.poll(byEvent.text, poll).toContain(":)");
  await suspendAccount(roost.database.db, BigInt(felix.id));
  expect(await idle.closed).toEqual({ code: 1008, reason: "signed out" });
  expect(await busy.closed).toEqual({ code: 1008, reason: "signed out" });
  await byEvent.ended;
  expect(byEvent.text()).toContain(":closed: signed out");
  const { id } = await alice.client.publish("Still here");
  await expect.poll(() => events(other.heard), poll).toEqual([["update", id]]);
});

test("a token that ended before its end could be heard of opens nothing", async () => {
  const before = listeners();
  const endings: string[] = [];
  const viewer = await roost.api.tokens.get(tokenOf(bob));
  const connection = new LiveConnection(roost.api, {
    viewer,
    sink: { send: () => {}, waitingBytes: () => 0, close: ({ reason }) => void endings.push(reason) },
    log: roost.log,
    tokenStands: async () => false,
  });
  await connection.open();
  await connection.add({ kind: "user", name: ["user"], withStatuses: true });
  expect(endings).toEqual(["signed out"]);
  expect(listeners()).toBe(before);
});

test("who doesn't take what is sent is cut, with the reason; others go on", async () => {
  const { id } = await alice.client.publish(`Long ${"x".repeat(450)}`);
  const message = { type: "status.edited", statusId: BigInt(id), authorId: BigInt(alice.id) };
  await expect.poll(() => roost.isIdle(), poll).toBe(true);
  const slow = await openSocket(`?stream=user&access_token=${tokenOf(bob)}`);
  const slowEvents = await openEvents("public", null);
  const quick = await openSocket(`?stream=user&access_token=${tokenOf(bob)}`);
  await Promise.all([settled(slow), settled(quick)]);
  await expect.poll(slowEvents.text, poll).toContain(":)");
  slow.socket.pause();
  let sent = 0;
  const before = listeners();
  // The kernel takes some megabytes before anything waits on our side.
  while (listeners() === before && sent < 30_000) {
    for (let n = 0; n < 100; n++, sent++) await roost.api.liveBus.publish(STATUS_CHANNEL, message);
    await expect.poll(() => quick.heard.length, poll).toBe(sent);
  }
  expect(listeners()).toBeLessThan(before);
  slow.socket.resume();
  expect(await slow.closed).toEqual({ code: 1008, reason: "too slow" });
  expect(quick.socket.readyState).toBe(WebSocket.OPEN);
  // More at once than may wait in line.
  for (let n = 0; n < 600; n++) await roost.api.liveBus.publish(STATUS_CHANNEL, message);
  expect(await quick.closed).toEqual({ code: 1008, reason: "too slow" });
  await slowEvents.ended;
  expect(slowEvents.text()).toContain(":closed: too slow");
});

test("nothing is listened to any more when connections have ended, however they end", async () => {
  await expect.poll(listeners, poll).toBe(0);
  const sockets = await Promise.all(
    Array.from({ length: 10 }, () => openSocket(`?stream=user&access_token=${tokenOf(bob)}`)),
  );
  await Promise.all(sockets.map(settled));
  const streams = await Promise.all(Array.from({ length: 10 }, () => openEvents("user", tokenOf(bob))));
  for (const stream of streams) await expect.poll(stream.text, poll).toContain(":)");
  // On each: sign-outs, statuses, the home timeline, notifications.
  expect(listeners()).toBe(80);
  const gauges = await (await fetch(`${url}/metrics`)).text();
  expect(gauges).toContain('roost_stream_connections{transport="websocket"} 10');
  expect(gauges).toContain('roost_stream_connections{transport="sse"} 10');
  // Some leave while they are being let in.
  const { hostname, port } = new URL(url);
  for (let n = 0; n < 30; n++) {
    const hasty = connect(Number(port), hostname);
    hasty.on("error", () => {});
    hasty.write(`GET /api/v1/streaming/user?access_token=${tokenOf(bob)} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await new Promise((resolve) => setTimeout(resolve, n / 5));
    hasty.destroy();
  }
  sockets.forEach(({ socket }, n) => void (n % 2 === 0 ? socket.close() : socket.terminate()));
  for (const stream of streams) stream.leave();
  await expect.poll(listeners, poll).toBe(0);
  const after = await (await fetch(`${url}/metrics`)).text();
  expect(after).toContain('roost_stream_connections{transport="websocket"} 0');
  expect(after).toContain('roost_stream_connections{transport="sse"} 0');
});

// The last one: the server is gone after it.
test("when the server stops, streams are told and don't hold it up, whoever doesn't listen", async () => {
  const socket = await openSocket(`?stream=user&access_token=${tokenOf(bob)}`);
  const deaf = await openSocket(`?stream=user&access_token=${tokenOf(bob)}`);
  const stream = await openEvents("user", tokenOf(bob));
  await Promise.all([settled(socket), settled(deaf)]);
  await expect.poll(stream.text, poll).toContain(":)");
  deaf.socket.pause();
  const startedMs = performance.now();
  await roost[Symbol.asyncDispose]();
  expect(performance.now() - startedMs).toBeLessThan(10_000);
  expect(await socket.closed).toEqual({ code: 1001, reason: "the server is stopping" });
  await stream.ended;
  expect(stream.text()).toContain(":closed: the server is stopping");
});
