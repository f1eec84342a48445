/** Clients that exist: what people build on drives Roost from registering an app to a live stream. */

import { createRestAPIClient, createStreamingAPIClient } from "masto";
import { Mastodon } from "megalodon";
import { afterAll, beforeAll, expect, test } from "vitest";
import { appToken, type SignedUp, signUp } from "../support/client.ts";
import { type RunningRoost, startRoost, waitFor } from "../support/start-roost.ts";

let roost: RunningRoost;
let alice: SignedUp;
let bob: SignedUp;

beforeAll(async () => {
  roost = await startRoost();
  const [first, second] = await signUp(roost.url, "alice", "bob");
  if (!first || !second) throw new Error("two accounts were asked for");
  [alice, bob] = [first, second];
  await bob.client.follow(alice.id);
});
afterAll(() => roost?.[Symbol.asyncDispose]());

test("masto: register, sign up, post, read home page by page, stream", async () => {
  const anonymous = createRestAPIClient({ url: roost.url });
  const app = await anonymous.v1.apps.create({
    clientName: "masto",
    redirectUris: "urn:ietf:wg:oauth:2.0:oob",
    scopes: "read write follow",
  });
  expect(app.clientId).toBeTruthy();
  const asApp = createRestAPIClient({ url: roost.url, accessToken: await appToken(roost.url) });
  const token = await asApp.v1.accounts.create({
    username: "masto_user",
    email: "masto@example.org",
    password: "correct horse battery",
    agreement: true,
    locale: "en",
  });
  const masto = createRestAPIClient({ url: roost.url, accessToken: token.accessToken });
  const me = await masto.v1.accounts.verifyCredentials();
  expect(me.username).toBe("masto_user");
  await masto.v1.accounts.$select(alice.id).follow();

  const streaming = createStreamingAPIClient({
    streamingApiUrl: roost.url.replace("http", "ws"),
    accessToken: token.accessToken ?? "",
    implementation: WebSocket,
  });
  const stream = streaming.user.subscribe();
  const events = stream[Symbol.asyncIterator]();
  const next = events.next();
  // masto waits a second before it connects: posts go out until one is heard.
  let heard = false;
  const first = next.then(({ value }) => {
    heard = true;
    return value;
  });
  const posted = new Set<string>();
  await waitFor(
    async () => {
      posted.add((await alice.client.publish("Live")).id);
      await new Promise((resolve) => setTimeout(resolve, 300));
      return heard;
    },
    15_000,
    "masto hears of a post",
  );
  const event = await first;
  expect(event.event).toBe("update");
  expect(posted.has((event.payload as { id: string }).id)).toBe(true);
  streaming.close();

  for (let n = 0; n < 5; n++) await masto.v1.statuses.create({ status: `Post ${n}` });
  const pages: string[][] = [];
  for await (const page of masto.v1.timelines.home.list({ limit: 2 }))
    pages.push(page.map((status) => status.id));
  expect(pages.flat()).toEqual(
    (await masto.v1.timelines.home.list({ limit: 40 })).map((status) => status.id),
  );
  expect(pages.flat()).toHaveLength(5 + posted.size);
});

test("megalodon: detect, register, post, read home, stream", async () => {
  const client = new Mastodon(roost.url, bob.client.token);
  const app = await new Mastodon(roost.url, null).registerApp("megalodon", {
    scopes: ["read", "write"],
    redirect_uris: "urn:ietf:wg:oauth:2.0:oob",
  });
  expect(app.client_id).toBeTruthy();
  expect((await client.getInstance()).data.uri).toBeTruthy();
  const { data: own } = await client.postStatus("By megalodon", {});
  const { data: home } = await client.getHomeTimeline({ limit: 5 });
  expect(home[0]?.id).toBe(own.id);
  const stream = await client.userStreaming();
  const heard: string[] = [];
  stream.on("update", (status: { id: string }) => heard.push(status.id));
  await new Promise((resolve) => setTimeout(resolve, 700));
  const posted = await alice.client.publish("Live again");
  await expect.poll(() => heard, { timeout: 5_000 }).toContain(posted.id);
  stream.stop();
});
