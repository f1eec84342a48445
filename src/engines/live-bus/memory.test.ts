import { describe, expect, test } from "vitest";
import { liveBusContract } from "./contract.ts";
import { MemoryLiveBus } from "./memory.ts";

describe("the live bus in memory", () => {
  liveBusContract(async () => {
    const bus = new MemoryLiveBus();
    return [bus, bus];
  });
});

test("nothing stays behind of listeners that left", async () => {
  const bus = new MemoryLiveBus();
  const leaves = await Promise.all(["one", "one", "two"].map((channel) => bus.subscribe(channel, () => {})));
  expect(bus.size).toBe(3);
  for (const leave of leaves) leave();
  expect(bus.size).toBe(0);
});
