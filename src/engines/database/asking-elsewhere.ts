import { Gate } from "../../core/gate.ts";
import type { Shards } from "./shards.ts";

const gate = new Gate({ concurrent: 4, waiting: 10_000 });

/**
 * Runs what holds a connection to one database while it asks others: few at a time, or they could wait for each other's
 * connections for ever. In one database they don't.
 */
export function askingElsewhere<T>(shards: Shards, work: () => Promise<T>): Promise<T> {
  return shards.isOne ? work() : gate.run(work);
}
