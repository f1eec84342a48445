import { buffer } from "node:stream/consumers";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../core/clock.ts";
import { mediaStoreContract } from "./contract.ts";
import { type S3Address, S3MediaStore } from "./s3.ts";
import { type SpawnedS3, s3Server, startS3 } from "./spawned.ts";

const program = s3Server();

describe.skipIf(program === null)("media in S3 (needs moto_server)", () => {
  let s3: SpawnedS3;
  let prefixes = 0;
  const logged: string[] = [];
  const log = pino({ level: "info" }, { write: (line: string) => void logged.push(JSON.parse(line).msg) });
  beforeAll(async () => {
    s3 = await startS3(program ?? "");
  });
  afterAll(() => s3?.[Symbol.asyncDispose]());

  const open = (change: Partial<S3Address> = {}, onChange?: (isAway: boolean) => void) =>
    new S3MediaStore(
      { ...s3.address, ...change },
      { log, clock: systemClock, ...(onChange && { onChange }) },
    );

  mediaStoreContract(async () => open({ prefix: `test-${++prefixes}/media` }));

  test("stores with the same bucket and prefix share what they keep, others don't", async () => {
    await using one = open({ prefix: "shared" });
    await using same = open({ prefix: "shared" });
    await using other = open();
    await one.put("media/1/a.png", Buffer.from("a"), "image/png");
    const found = await same.get("media/1/a.png");
    expect(found && (await buffer(found.body))).toEqual(Buffer.from("a"));
    expect(await other.get("media/1/a.png")).toBeNull();
  });
});
