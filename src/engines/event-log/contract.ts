/** What every event log must do: the sentences of `port.ts` as tests, for each adapter's own test to run. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { Unavailable } from "../../core/errors.ts";
import type { PatienceOptions } from "./patience.ts";
import type { Consumer, EventLog } from "./port.ts";

const DELIVERED = { timeout: 15_000, interval: 10 };

/** Attempts that take half a second instead of half a minute. */
export const QUICK: PatienceOptions = { attempts: 3, pauseMsMin: 50, pauseMsMax: 100 };

export interface OpenedLogs {
  /** Two handles on one log, as two processes have them. Their patience is short: see `QUICK`. */
  readonly logs: readonly [EventLog, EventLog];
  /** A topic that no other test uses. */
  readonly topic: string;
}

export function eventLogContract(open: () => Promise<OpenedLogs>): void {
  let a: EventLog;
  let b: EventLog;
  let topic: string;
  let consumers: Consumer[];

  beforeEach(async () => {
    const opened = await open();
    [a, b] = opened.logs;
    topic = opened.topic;
    consumers = [];
  });
  afterEach(async () => {
    for (const consumer of consumers) await consumer[Symbol.asyncDispose]();
    await a[Symbol.asyncDispose]();
    await b[Symbol.asyncDispose]();
  });

  const publish = (log: EventLog, ...numbers: number[]) =>
    log.publish(
      topic,
      numbers.map((n) => ({ key: BigInt(n % 3), payload: JSON.stringify({ n }) })),
    );

  async function consume(
    log: EventLog,
    handle: (numbers: number[]) => void | Promise<void>,
    options: { group?: string; maxRecords?: number } = {},
  ): Promise<Consumer> {
    const consumer = await log.consume({
      topic,
      group: options.group ?? "group",
      maxRecords: options.maxRecords ?? 10,
      handle: async (payloads) => handle(payloads.map((payload) => (payload as { n: number }).n)),
    });
    consumers.push(consumer);
    return consumer;
  }

  const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

  test("gives records published before and after the consumer began, from either handle", async () => {
    const got: number[] = [];
    await publish(a, 0, 1);
    await consume(b, (numbers) => void got.push(...numbers));
    await expect.poll(() => got, DELIVERED).toEqual([0, 1]);
    await publish(a, 2);
    await publish(b, 3);
    await expect.poll(() => got, DELIVERED).toEqual([0, 1, 2, 3]);
  });

  test("keeps the order of each key, over many batches", async () => {
    const got: number[] = [];
    await consume(b, (numbers) => void got.push(...numbers), { maxRecords: 7 });
    for (let n = 0; n < 300; n += 3) await publish(n % 2 === 0 ? a : b, n, n + 1, n + 2);
    await expect.poll(() => new Set(got).size, DELIVERED).toBe(300);
    for (const key of [0, 1, 2]) {
      const ofKey = got.filter((n) => n % 3 === key);
      expect(ofKey).toEqual([...ofKey].sort((x, y) => x - y));
    }
  });

  test("gives batches of at most the size asked for, one after another", async () => {
    await publish(a, ...upTo(25));
    const got: number[] = [];
    const sizes: number[] = [];
    let running = 0;
    await consume(
      b,
      async (numbers) => {
        running++;
        expect(running).toBe(1);
        await new Promise((resolve) => setTimeout(resolve, 5));
        running--;
        sizes.push(numbers.length);
        got.push(...numbers);
      },
      { maxRecords: 4 },
    );
    await expect.poll(() => got, DELIVERED).toEqual(upTo(25));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(4);
  });

  test("gives each payload with its key, as they were published", async () => {
    const got: [unknown, bigint][] = [];
    const record = { key: -(2n ** 63n), payload: '{"text":"grün","list":[1,null,{"deep":true}]}' };
    await a.publish(topic, [record, { key: 2n ** 63n - 1n, payload: '"text"' }]);
    const consumer = await b.consume({
      topic,
      group: "group",
      maxRecords: 10,
      handle: async (payloads, keys) =>
        void got.push(...payloads.map((payload, i): [unknown, bigint] => [payload, keys[i] ?? 0n])),
    });
    consumers.push(consumer);
    await expect
      .poll(() => got, DELIVERED)
      .toEqual([
        [JSON.parse(record.payload), record.key],
        ["text", 2n ** 63n - 1n],
      ]);
  });

  test("gives every group every record", async () => {
    const got = { one: [] as number[], two: [] as number[] };
    await consume(a, (numbers) => void got.one.push(...numbers), { group: "one" });
    await consume(b, (numbers) => void got.two.push(...numbers), { group: "two" });
    await publish(a, ...upTo(5));
    await expect.poll(() => got, DELIVERED).toEqual({ one: upTo(5), two: upTo(5) });
  });

  test("gives nothing of another topic", async () => {
    const got: number[] = [];
    await consume(b, (numbers) => void got.push(...numbers));
    await a.publish(`${topic}.other`, [{ key: 1n, payload: '{"n":99}' }]);
    await publish(a, 0);
    await expect.poll(() => got, DELIVERED).toEqual([0]);
  });

  test("gives a batch again until its handler succeeds, and skips nothing", async () => {
    const attempts: number[][] = [];
    const got: number[] = [];
    await publish(a, 0, 1, 2);
    await consume(
      b,
      (numbers) => {
        attempts.push(numbers);
        if (attempts.length < 3) throw new Error("on purpose");
        got.push(...numbers);
      },
      { maxRecords: 2 },
    );
    await expect.poll(() => got, DELIVERED).toEqual([0, 1, 2]);
    expect(attempts.slice(0, 3)).toEqual([
      [0, 1],
      [0, 1],
      [0, 1],
    ]);
  });

  test("buries the records that no attempt can handle, and goes on with all others in order", async () => {
    const got: number[] = [];
    const handled = (numbers: number[]) => {
      if (numbers.some((n) => n === 4 || n === 11)) throw new Error("this one is poison");
      got.push(...numbers);
    };
    await publish(a, ...upTo(20));
    const consumer = await consume(b, handled, { maxRecords: 15 });
    const healthy = upTo(20).filter((n) => n !== 4 && n !== 11);
    await expect.poll(() => new Set(got), DELIVERED).toEqual(new Set(healthy));
    expect(got).toEqual(healthy);
    await expect.poll(async () => (await consumer.lag()).records, DELIVERED).toBe(0);
    const letters = (await a.deadLetters.list(1_000)).filter((letter) => letter.topic === topic);
    expect(letters.map(({ payload }) => (JSON.parse(payload) as { n: number }).n)).toEqual([4, 11]);
    expect(letters.map(({ key }) => key)).toEqual([1n, 2n]);
    for (const letter of letters) {
      expect(letter).toMatchObject({ group: "group", error: "this one is poison" });
      expect(letter.place).toMatch(/\d/);
    }
  });

  test("a dead letter is found, requeued for another try, or discarded", async () => {
    let isPoison = true;
    const got: number[] = [];
    await publish(a, 0, 1);
    await consume(
      b,
      (numbers) => {
        if (isPoison) throw new Error("on purpose");
        got.push(...numbers);
      },
      { maxRecords: 1 },
    );
    const mine = async () => (await a.deadLetters.list(1_000)).filter((letter) => letter.topic === topic);
    await expect.poll(async () => (await mine()).length, DELIVERED).toBe(2);
    isPoison = false;
    const [first, second] = (await mine()).map(({ id }) => id);
    expect(await a.deadLetters.find(`${first}`)).toMatchObject({ payload: expect.stringMatching(/0/) });
    expect(await a.deadLetters.requeue(`${first}`)).toBe(true);
    expect(await a.deadLetters.discard(`${second}`)).toBe(true);
    await expect.poll(() => got, DELIVERED).toEqual([0]);
    expect(await mine()).toEqual([]);
    for (const gone of [`${first}`, "no such letter"]) {
      expect(await a.deadLetters.find(gone)).toBeNull();
      expect(await a.deadLetters.requeue(gone)).toBe(false);
      expect(await a.deadLetters.discard(gone)).toBe(false);
    }
  });

  test("waits for an engine as long as it takes: nothing is buried in an outage", async () => {
    const got: number[] = [];
    let attempts = 0;
    await publish(a, 0, 1, 2);
    await consume(b, (numbers) => {
      if (++attempts <= QUICK.attempts * 4) throw new Unavailable("the engine is away, on purpose");
      got.push(...numbers);
    });
    await expect.poll(() => got, DELIVERED).toEqual([0, 1, 2]);
    expect((await a.deadLetters.list(1_000)).filter((letter) => letter.topic === topic)).toEqual([]);
  });

  test("goes on after a restart where it was, and repeats what wasn't consumed", async () => {
    const first: number[] = [];
    const before = await consume(a, (numbers) => {
      if (numbers.includes(3)) throw new Error("on purpose");
      first.push(...numbers);
    });
    await publish(a, 0, 1, 2);
    await expect.poll(() => first, DELIVERED).toEqual([0, 1, 2]);
    await expect.poll(async () => (await before.lag()).records, DELIVERED).toBe(0);
    await publish(a, 3, 4);
    await expect.poll(async () => (await before.lag()).records, DELIVERED).toBe(2);
    await before[Symbol.asyncDispose]();
    const second: number[] = [];
    await consume(b, (numbers) => void second.push(...numbers));
    await expect.poll(() => second, DELIVERED).toEqual([3, 4]);
  });

  test("consumers of one group share its records; what one leaves, the other goes on with", async () => {
    const by = { one: [] as number[], two: [] as number[] };
    const one = await consume(a, (numbers) => void by.one.push(...numbers));
    await consume(b, (numbers) => void by.two.push(...numbers));
    await publish(a, ...upTo(30));
    await expect.poll(() => by.one.length + by.two.length, DELIVERED).toBeGreaterThanOrEqual(30);
    expect(new Set([...by.one, ...by.two])).toEqual(new Set(upTo(30)));
    await expect.poll(async () => (await one.lag()).records, DELIVERED).toBe(0);
    await one[Symbol.asyncDispose]();
    const before = by.one.length;
    await publish(a, 30, 31, 32);
    await expect.poll(() => by.two.slice(-3), DELIVERED).toEqual([30, 31, 32]);
    expect(by.one.length).toBe(before);
  });

  test("disposing waits for the batch under way, and no batch begins after", async () => {
    let begun = 0;
    let ended = 0;
    const consumer = await consume(
      b,
      async () => {
        begun++;
        await new Promise((resolve) => setTimeout(resolve, 50));
        ended++;
      },
      { maxRecords: 1 },
    );
    await publish(a, ...upTo(10));
    await expect.poll(() => begun, DELIVERED).toBeGreaterThan(0);
    await consumer[Symbol.asyncDispose]();
    const atTheEnd = begun;
    expect(ended).toBe(atTheEnd);
    await publish(a, 10);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(begun).toBe(atTheEnd);
  });

  test("tells how many records wait, and for how long", async () => {
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const consumer = await consume(b, () => held, { maxRecords: 1 });
    expect(await consumer.lag()).toEqual({ records: 0, oldestAgeMs: 0 });
    await publish(a, 0, 1, 2);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const lag = await consumer.lag();
    expect(lag.records).toBe(3);
    expect(lag.oldestAgeMs).toBeGreaterThanOrEqual(50);
    letGo();
    await expect.poll(async () => (await consumer.lag()).records, DELIVERED).toBe(0);
  });

  test("tells when all of a moment was handled, though more has come", async () => {
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let batches = 0;
    await consume(b, () => gates[batches++]?.promise ?? Promise.resolve(), { maxRecords: 1 });
    const isEmptyHandled = await b.checkpoint(topic, "group");
    await expect.poll(isEmptyHandled, DELIVERED).toBe(true);
    await publish(a, 0);
    const isHandled = await b.checkpoint(topic, "group");
    await publish(a, 0);
    const isAllHandled = await b.checkpoint(topic, "group");
    expect(await isHandled()).toBe(false);
    gates[0]?.resolve();
    await expect.poll(isHandled, DELIVERED).toBe(true);
    expect(await isAllHandled()).toBe(false);
    gates[1]?.resolve();
    await expect.poll(isAllHandled, DELIVERED).toBe(true);
  });

  test("publishing nothing does nothing, and waking is harmless", async () => {
    await a.publish(topic, []);
    a.wake(topic);
    a.wake("a topic that doesn't exist");
    const got: number[] = [];
    await consume(a, (numbers) => void got.push(...numbers));
    for (let i = 0; i < 50; i++) a.wake(topic);
    await publish(b, 0);
    a.wake(topic);
    await expect.poll(() => got, DELIVERED).toEqual([0]);
  });

  test("loses nothing when many publish at once", async () => {
    const got = new Set<number>();
    await consume(b, (numbers) => {
      for (const n of numbers) got.add(n);
    });
    await Promise.all(upTo(200).map((n) => publish(n % 2 === 0 ? a : b, n)));
    await expect.poll(() => got.size, DELIVERED).toBe(200);
  });
}
