/** What every live bus must do: the sentences of `port.ts` as tests, for each adapter's own test to run. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { LiveBus } from "./port.ts";

/** Two handles on one bus. An adapter of one process gives the same twice. */
export function liveBusContract(open: () => Promise<[LiveBus, LiveBus]>): void {
  let a: LiveBus;
  let b: LiveBus;

  beforeEach(async () => {
    [a, b] = await open();
  });
  afterEach(async () => {
    await a[Symbol.asyncDispose]();
    if (b !== a) await b[Symbol.asyncDispose]();
  });

  test("reaches every listener of the channel, through either handle, in order", async () => {
    const got: [string, unknown][] = [];
    await a.subscribe("one", (message) => got.push(["first", message]));
    await b.subscribe("one", (message) => got.push(["second", message]));
    await a.subscribe("two", () => got.push(["other", null]));
    for (let n = 0; n < 20; n++) await a.publish("one", { n });
    for (const name of ["first", "second"]) {
      await expect
        .poll(() => got.filter(([who]) => who === name).map(([, message]) => message))
        .toEqual(Array.from({ length: 20 }, (_, n) => ({ n })));
    }
    expect(got.some(([who]) => who === "other")).toBe(false);
  });

  test("a message to a channel that nobody listens to is gone", async () => {
    await a.publish("one", "lost");
    const got: unknown[] = [];
    await b.subscribe("one", (message) => got.push(message));
    await a.publish("one", "kept");
    await expect.poll(() => got).toEqual(["kept"]);
  });

  test("a listener that left hears nothing more, and the others still do", async () => {
    const left: unknown[] = [];
    const stayed: unknown[] = [];
    const leave = await a.subscribe("one", (message) => left.push(message));
    await a.subscribe("one", (message) => stayed.push(message));
    leave();
    leave();
    await b.publish("one", 1);
    await expect.poll(() => stayed).toEqual([1]);
    expect(left).toEqual([]);
  });

  test("leaving twice doesn't end somebody else's listening", async () => {
    const leave = await a.subscribe("one", () => {});
    leave();
    const got: unknown[] = [];
    await a.subscribe("one", (message) => got.push(message));
    leave();
    await b.publish("one", 1);
    await expect.poll(() => got).toEqual([1]);
  });

  test("a listener may leave while it is being told", async () => {
    const got: unknown[] = [];
    const leave = await a.subscribe("one", (message) => {
      got.push(message);
      leave();
    });
    const others: unknown[] = [];
    await a.subscribe("one", (message) => others.push(message));
    await b.publish("one", 1);
    await b.publish("one", 2);
    await expect.poll(() => others).toEqual([1, 2]);
    expect(got).toEqual([1]);
  });

  test("tells which channels are listened to", async () => {
    const leave = await a.subscribe("one", () => {});
    await b.subscribe("two", () => {});
    expect(new Set(await b.listening(["one", "two", "three"]))).toEqual(new Set(["one", "two"]));
    leave();
    await expect.poll(() => a.listening(["one", "two"])).toEqual(["two"]);
    expect(await a.listening([])).toEqual([]);
  });
}
