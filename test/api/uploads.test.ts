/** Pictures through the whole of the API, as clients upload them. */
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MAX_INPUT_PIXELS } from "../../src/media/limits.ts";
import { type SignedUp, signUp } from "../support/client.ts";
import { type RunningRoost, startRoost } from "../support/start-roost.ts";

let roost: RunningRoost;
let alice: SignedUp;
beforeAll(async () => {
  roost = await startRoost();
  [alice] = (await signUp(roost.url, "alice")) as [SignedUp];
});
afterAll(() => roost?.[Symbol.asyncDispose]());

function form(field: string, bytes: Uint8Array, type: string): FormData {
  const body = new FormData();
  body.set(field, new Blob([new Uint8Array(bytes)], { type }), "picture");
  return body;
}

test("of 24 uploads at one instant none is refused", async () => {
  const photo = await sharp({ create: { width: 1600, height: 1200, channels: 3, background: "#357" } })
    .jpeg()
    .toBuffer();
  const answers = await Promise.all(
    Array.from({ length: 24 }, () =>
      alice.client.ask("POST", "/api/v2/media", form("file", photo, "image/jpeg")),
    ),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array(24).fill(200));
});

test("a moving avatar moves, and has a still beside", async () => {
  const frames = Buffer.concat([Buffer.alloc(30 * 30 * 3, 40), Buffer.alloc(30 * 30 * 3, 200)]);
  const moving = await sharp(frames, { raw: { width: 30, height: 60, channels: 3, pageHeight: 30 } })
    .gif({ loop: 0 })
    .toBuffer();
  const account = await alice.client.patch<{ avatar: string; avatar_static: string }>(
    "/api/v1/accounts/update_credentials",
    form("avatar", moving, "image/gif"),
  );
  const pages = async (url: string) => {
    const bytes = await (await fetch(url)).arrayBuffer();
    return (await sharp(Buffer.from(bytes)).metadata()).pages ?? 1;
  };
  expect([await pages(account.avatar), await pages(account.avatar_static)]).toEqual([2, 1]);
});

test("the instance tells the true limit", async () => {
  for (const path of ["/api/v1/instance", "/api/v2/instance"]) {
    const instance = await alice.client.get<{
      configuration: { media_attachments: { image_matrix_limit: number } };
    }>(path);
    expect(instance.configuration.media_attachments.image_matrix_limit).toBe(MAX_INPUT_PIXELS);
  }
});
