import { describe } from "vitest";
import { invalidationLogContract } from "./contract.ts";
import { MemoryInvalidationLog } from "./memory.ts";

describe("the invalidation log in memory", () => {
  invalidationLogContract(async () => {
    const log = new MemoryInvalidationLog();
    return [log, log];
  });
});
