/**
 * The live bus over Redis: messages reach whoever listens at that moment, in any process. What is sent while Redis is
 * away is lost, as the port says; who listens goes on listening when it's back.
 */
import { every, sleep, within } from "../../core/clock.ts";
import { Unavailable } from "../../core/errors.ts";
import { type Connection, type RedisClient, Script } from "../redis/client.ts";
import { MemoryLiveBus } from "./memory.ts";
import type { LiveBus } from "./port.ts";

/**
 * KEYS: any, always the same one. In a cluster, messages of one channel arrive in order if all go out through one node;
 * a script goes to the node of its key, and a message from any node to all.
 */
const PUBLISH = new Script(`return redis.call('PUBLISH', ARGV[1], ARGV[2])`);

const ASK_MS_MAX = 250;
const RETRY_MS = 500;
/** So that a connection whose other end says nothing any more is noticed, though nothing is asked over it. */
const PING_MS = 5_000;

export class RedisLiveBus implements LiveBus {
  readonly #client: RedisClient;
  readonly #connection: Connection;
  readonly #prefix: string;
  /** Whoever listens in this process. */
  readonly #here = new MemoryLiveBus();
  readonly #listeners = new Map<string, number>();
  readonly #closing = new AbortController();
  readonly #stopPings: () => void;

  private constructor(client: RedisClient, connection: Connection) {
    this.#client = client;
    this.#prefix = `${client.keyPrefix}:live:`;
    this.#connection = connection;
    this.#connection.on("message", (channel: string, text: string) => {
      void this.#here.publish(channel.slice(this.#prefix.length), decode(text));
    });
    this.#stopPings = every(PING_MS, () => {
      // A cluster's client watches its nodes itself.
      if (!client.isCluster) this.#connection.call("ping").catch(() => {});
    });
  }

  static async open(client: RedisClient): Promise<RedisLiveBus> {
    return new RedisLiveBus(client, await client.connectAgain());
  }

  async publish(channel: string, message: unknown): Promise<void> {
    const args = [this.#prefix + channel, encode(message)];
    await this.#client.script("prompt", PUBLISH, [`${this.#prefix}order`], args);
  }

  async subscribe(channel: string, listener: (message: unknown) => void): Promise<() => void> {
    const leaveHere = await this.#here.subscribe(channel, listener);
    const before = this.#listeners.get(channel) ?? 0;
    this.#listeners.set(channel, before + 1);
    // Also when others listen here already: their asking may not have been answered yet.
    await this.#connect(channel);
    let left = false;
    return () => {
      leaveHere();
      if (!left) this.#leave(channel);
      left = true;
    };
  }

  async listening(channels: readonly string[]): Promise<string[]> {
    if (channels.length === 0) return [];
    const names = channels.map((channel) => this.#prefix + channel);
    // Each node knows of those who are connected to it.
    const counts = await this.#client.run("bulk", `${this.#prefix}order`, () =>
      Promise.all(this.#client.nodes("bulk").map((node) => node.pubsub("NUMSUB", ...names))),
    );
    return channels.filter((_, i) => counts.some((count) => Number(count[2 * i + 1]) > 0));
  }

  /** Those that listen in this process. */
  get size(): number {
    return this.#here.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#stopPings();
    this.#connection.disconnect();
    await this.#here[Symbol.asyncDispose]();
  }

  /** Resolves also when Redis is away: it's tried again until it works or nobody wants it any more. */
  async #connect(channel: string): Promise<void> {
    try {
      const asking = Promise.resolve(this.#connection.subscribe(this.#prefix + channel));
      await within(asking, ASK_MS_MAX, () => new Unavailable("no answer"));
    } catch {
      void this.#connectLater(channel);
    }
  }

  async #connectLater(channel: string): Promise<void> {
    await sleep(RETRY_MS, this.#closing.signal);
    if (!this.#closing.signal.aborted && this.#listeners.has(channel)) await this.#connect(channel);
  }

  #leave(channel: string): void {
    const left = (this.#listeners.get(channel) ?? 0) - 1;
    if (left > 0) {
      this.#listeners.set(channel, left);
      return;
    }
    this.#listeners.delete(channel);
    // One connection carries both in order: who listens anew meanwhile is asked for after this.
    this.#connection.unsubscribe(this.#prefix + channel).catch(() => {});
  }
}

/** Ids are bigints, which JSON doesn't know. */
function encode(message: unknown): string {
  return JSON.stringify(message, (_, value: unknown) =>
    typeof value === "bigint" ? { $bigint: `${value}` } : value,
  );
}

function decode(text: string): unknown {
  return JSON.parse(text, (_, value: unknown) => {
    const isId = typeof value === "object" && value !== null && "$bigint" in value;
    return isId ? BigInt(String(value.$bigint)) : value;
  });
}
