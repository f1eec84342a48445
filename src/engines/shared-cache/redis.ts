/** Values as Redis strings that expire: the position they were loaded at, then their bytes. */
import { createHash } from "node:crypto";
import { ignoreUnavailable, Unavailable } from "../../core/errors.ts";
import type { LogPosition } from "../invalidation-log/port.ts";
import { evenTags } from "../redis/address.ts";
import { type RedisClient, Script } from "../redis/client.ts";

export interface SharedValue {
  readonly bytes: Buffer;
  /** Up to where whoever loaded it had read the invalidation log before loading it. */
  readonly loadedAt: LogPosition;
  /** For how long it may still be given, in ms. */
  readonly leftMs: number;
}

/** On a cluster a script call serves the keys of one tag: enough for a dozen nodes, few enough for one page. */
const TAGS = evenTags(16);

/** KEYS: values. → for each, its text or nothing, and how long it has left in ms. */
const GET = new Script(`
local found = {}
for i = 1, #KEYS do
  local value = redis.call('GET', KEYS[i])
  found[2 * i - 1] = value
  found[2 * i] = value and redis.call('PTTL', KEYS[i]) or 0
end
return found`);

/**
 * Knows nothing of what became stale: that is told by comparing positions (`freshness.ts`). So a write has nothing to
 * delete here, which could fail after its commit.
 */
export class RedisSharedCache {
  readonly #client: RedisClient;

  constructor(client: RedisClient) {
    this.#client = client;
  }

  /** In the order of the keys, null for those that aren't there; all are null while Redis is away. */
  async getMany(keys: readonly string[]): Promise<(SharedValue | null)[]> {
    const values: (SharedValue | null)[] = keys.map(() => null);
    const places = [...keys.keys()];
    const groups = this.#client.isCluster
      ? [...Map.groupBy(places, (place) => tagOf(keys[place] ?? "")).values()]
      : [places];
    await Promise.all(
      groups.map(async (group) => {
        const found = await this.#get(group.map((place) => this.#keyOf(keys[place] ?? "")));
        group.forEach((place, i) => {
          values[place] = sharedIn(found[2 * i], found[2 * i + 1]);
        });
      }),
    );
    return values;
  }

  /** Resolves when it is there, or can't be put there. */
  async put(key: string, { bytes, loadedAt, leftMs }: SharedValue): Promise<void> {
    const place = this.#keyOf(key);
    const value = Buffer.concat([Buffer.from(`${loadedAt.history} ${loadedAt.entry}\n`), bytes]);
    await this.#client
      .run("prompt", place, (redis) => redis.set(place, value, "PX", Math.max(1, Math.floor(leftMs))))
      .catch(ignoreUnavailable);
  }

  async #get(keys: readonly string[]): Promise<readonly unknown[]> {
    try {
      return (await this.#client.script("prompt", GET, keys, [])) as unknown[];
    } catch (error) {
      if (error instanceof Unavailable) return [];
      throw error;
    }
  }

  #keyOf(key: string): string {
    return `${this.#client.keyPrefix}:{${tagOf(key)}}:c:${key}`;
  }
}

function tagOf(key: string): string {
  const [first = 0] = createHash("sha1").update(key).digest();
  return TAGS[first % TAGS.length] ?? "";
}

function sharedIn(text: unknown, leftMs: unknown): SharedValue | null {
  if (!Buffer.isBuffer(text)) return null;
  const end = text.indexOf("\n");
  const [history = "", entry = "0"] = text.toString("latin1", 0, end).split(" ");
  return {
    bytes: text.subarray(end + 1),
    loadedAt: { history, entry: BigInt(entry) },
    leftMs: Number(leftMs),
  };
}
