import type { SharedLevel } from "./port.ts";

/** Of a process by itself: what it has loaded is in its own memory. */
export function noSharedLevel<Key, Value>(): SharedLevel<Key, Value> {
  return { getMany: async () => new Map(), begin: () => null, share: () => {} };
}
