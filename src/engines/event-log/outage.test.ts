import { Redis } from "ioredis";
import pg from "pg";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { freePort } from "../../cluster/process.ts";
import { systemClock } from "../../core/clock.ts";
import { Invalid, Unavailable } from "../../core/errors.ts";
import { KafkaEventLog } from "./kafka.ts";
import { isOutage } from "./outage.ts";

const errorOf = (work: Promise<unknown>) =>
  work.then(
    () => new Error("it went well"),
    (error: unknown) => error,
  );

function fromPostgres(code: string): pg.DatabaseError {
  const error = new pg.DatabaseError("on purpose", 0, "error");
  error.code = code;
  error.severity = "ERROR";
  return error;
}

describe("an engine that isn't there is an outage, as its client tells it", () => {
  test("PostgreSQL", async () => {
    const pool = new pg.Pool({ host: "127.0.0.1", port: await freePort() });
    expect(isOutage(await errorOf(pool.query("select 1")))).toBe(true);
    await pool.end();
  });

  test("Redis", async () => {
    const port = await freePort();
    for (const options of [{ maxRetriesPerRequest: 0 }, { enableOfflineQueue: false }]) {
      const redis = new Redis({ host: "127.0.0.1", port, retryStrategy: () => 10, ...options });
      redis.on("error", () => {});
      expect(isOutage(await errorOf(redis.get("key")))).toBe(true);
      redis.disconnect();
    }
  });

  test("Kafka", async () => {
    const brokers = [`127.0.0.1:${await freePort()}`];
    const log = pino({ level: "silent" });
    await using eventLog = new KafkaEventLog({ brokers, topicPrefix: "test", log, clock: systemClock });
    expect(isOutage(await errorOf(eventLog.check()))).toBe(true);
    expect(isOutage(await errorOf(eventLog.publish("topic", [{ key: 1n, payload: "1" }])))).toBe(true);
  });
});

test.each([
  ["the connection was lost", "08006"],
  ["a replica after a fail-over", "25006"],
  ["rolled back for a deadlock", "40P01"],
  ["too many connections", "53300"],
  ["a statement that took too long", "57014"],
  ["shutting down", "57P01"],
])("PostgreSQL: %s is an outage", (_, code) => {
  expect(isOutage(fromPostgres(code))).toBe(true);
  expect(isOutage(new Error("could not be handled", { cause: fromPostgres(code) }))).toBe(true);
});

test.each([
  ["a unique key that is taken", fromPostgres("23505")],
  ["a number out of range", fromPostgres("22003")],
  ["a mistake in a statement", fromPostgres("42601")],
  ["a bug", new TypeError("Cannot read properties of undefined (reading 'id')")],
  ["JSON that is none", errorFrom(() => JSON.parse("{"))],
  ["a rule that is broken", new Invalid("Text is too long")],
  ["what isn't even an error", "no"],
])("%s is no outage", (_, error) => {
  expect(isOutage(error)).toBe(false);
});

test("what says so is one, wherever it stands", () => {
  const away = new Unavailable("The timeline store is away");
  expect(isOutage(away)).toBe(true);
  expect(isOutage(new AggregateError([new TypeError("no"), away]))).toBe(true);
});

function errorFrom(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
