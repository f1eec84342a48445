import { expect, test } from "vitest";
import type { AppError } from "../../core/errors.ts";
import type { Viewer } from "../../core/viewer.ts";
import { nameOfPath, type StreamRequest, streamOf } from "./stream-names.ts";
import { readMessage } from "./web-socket.ts";

const viewerOf = (...scopes: string[]): Viewer => {
  return { accountId: 1n, appId: null, application: null, tokenId: 2n, scopes };
};
const ALL = viewerOf("read");

function statusOf(run: () => unknown): number {
  try {
    run();
    return 200;
  } catch (error) {
    return (error as AppError).httpStatus;
  }
}

test.each([
  [["user"], false, "user"],
  [["user"], true, "user"],
  [["public"], true, "public:media"],
  [["public", "local"], true, "public:local:media"],
  [["public", "local", "media"], true, "public:local:media"],
  [["public", "local"], false, "public:local"],
])("the path of %j, only media: %j, is the stream %s", (parts, onlyMedia, name) => {
  expect(nameOfPath(parts, onlyMedia)).toBe(name);
});

test.each<[StreamRequest, Viewer | null, number]>([
  [{ stream: "user" }, null, 401],
  [{ stream: "user" }, { ...ALL, accountId: null }, 401],
  [{ stream: "user" }, ALL, 200],
  [{ stream: "user" }, viewerOf("read:statuses"), 200],
  [{ stream: "user" }, viewerOf("read:notifications"), 403],
  [{ stream: "user:notification" }, viewerOf("read:notifications"), 200],
  [{ stream: "user:notification" }, viewerOf("read:statuses"), 403],
  [{ stream: "direct" }, null, 401],
  [{ stream: "direct" }, viewerOf("write"), 403],
  [{ stream: "direct" }, ALL, 200],
  [{ stream: "list", list: "7" }, viewerOf("read:lists"), 200],
  [{ stream: "list", list: "7" }, viewerOf("read:statuses"), 403],
  [{ stream: "list", list: "seven" }, ALL, 400],
  [{ stream: "list" }, ALL, 400],
  [{ stream: "public" }, null, 200],
  [{ stream: "public:local:media" }, viewerOf("write"), 200],
  [{ stream: "hashtag", tag: "dusk" }, null, 200],
  [{ stream: "hashtag:local" }, null, 400],
  [{ stream: "nonsense" }, ALL, 404],
])("%j", (asked, viewer, status) => {
  expect(statusOf(() => streamOf(asked, viewer))).toBe(status);
});

test("streams carry the name they were asked for by; tags are compared by their keys", () => {
  expect(streamOf({ stream: "hashtag", tag: "#Dusk" }, null)).toEqual({
    kind: "hashtag",
    name: ["hashtag", "#Dusk"],
    tag: "dusk",
  });
  for (const tag of ["été", "＃ＥＴＥ", "E\u0301te"])
    expect(streamOf({ stream: "hashtag:local", tag }, null)).toMatchObject({ tag: "ete" });
  expect(streamOf({ stream: "public:remote:media" }, null)).toMatchObject({
    onlyMedia: true,
    isRemote: true,
  });
});

test("messages: what isn't text is as if it weren't there, what isn't an object is refused", () => {
  const read = (text: string) => readMessage(Buffer.from(text));
  expect(read('{"type":"subscribe","stream":"list","list":"7","more":1}')).toEqual({
    type: "subscribe",
    stream: "list",
    tag: undefined,
    list: "7",
  });
  expect(read('{"type":1,"stream":{}}')).toMatchObject({ type: undefined, stream: "" });
  for (const text of ["", "{", "null", '"user"', "7"]) expect(statusOf(() => read(text))).toBe(400);
});
