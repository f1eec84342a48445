import { describe, expect, test } from "vitest";
import { errorOf, waitInWords } from "./errors.ts";

const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();

describe("a refusal for now says when to try again", () => {
  test.each<[status: number, body: object, headers: Record<string, string>, sentence: string]>([
    [
      429,
      { error: "Too many requests" },
      { "Retry-After": "7" },
      "Too many requests. Try again in 7 seconds.",
    ],
    [
      429,
      { error: "Too many requests" },
      { "Retry-After": "1" },
      "Too many requests. Try again in 1 second.",
    ],
    [429, { error: "Slow down!" }, { "Retry-After": "540" }, "Slow down. Try again in 9 minutes."],
    [
      429,
      { error: "Too many requests" },
      { "X-RateLimit-Reset": inSeconds(600) },
      "Too many requests. Try again in 10 minutes.",
    ],
    [429, {}, {}, "Too many requests. Try again in a moment."],
    [
      429,
      { error: "Too many attempts: try again in 5 min" },
      { "Retry-After": "300" },
      "Too many attempts: try again in 5 min",
    ],
    [503, { error: "Being moved." }, { "Retry-After": "30" }, "Being moved. Try again in 30 seconds."],
    [503, { error: "Being moved." }, {}, "Being moved."],
    [422, { error: "Too long" }, { "X-RateLimit-Reset": inSeconds(600) }, "Too long"],
  ])("%i %o %o", async (status, body, headers, sentence) => {
    const error = await errorOf(new Response(JSON.stringify(body), { status, headers }));
    expect(error.message).toBe(sentence);
  });

  test.each([
    [1, "1 second"],
    [90, "90 seconds"],
    [91, "2 minutes"],
    [5_400, "90 minutes"],
    [5_401, "2 hours"],
  ])("%i seconds are %s", (seconds, words) => {
    expect(waitInWords(seconds)).toBe(words);
  });
});
