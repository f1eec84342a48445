/** A post as its author sends it, and the home of a follower until it's there. */
import { sleep } from "../src/core/clock.ts";

const GIVE_UP_MS = 60_000;
const POLL_MS = 5;

export async function publish(url: string, token: string, text: string): Promise<string> {
  const answer = await fetch(`${url}/api/v1/statuses`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ status: text }),
  });
  if (!answer.ok) throw new Error(`a post was answered with ${answer.status}`);
  return ((await answer.json()) as { id: string }).id;
}

/** An author and one of its followers, who reads its home while posts are waited for: one reader, however many posts. */
export class Pair {
  readonly #author: string;
  readonly #follower: string;
  readonly #waiting = new Set<string>();
  #reading: Promise<void> | null = null;

  /** By their tokens. */
  constructor(author: string, follower: string) {
    this.#author = author;
    this.#follower = follower;
  }

  /** Milliseconds from the answer to a post until it's in the follower's home. */
  async postAndWait(url: string): Promise<number> {
    const id = await publish(url, this.#author, "How long until you see this?");
    const postedMs = performance.now();
    this.#waiting.add(id);
    while (this.#waiting.has(id)) {
      if (performance.now() - postedMs > GIVE_UP_MS)
        throw new Error(`a post wasn't visible after ${GIVE_UP_MS} ms`);
      this.#reading ??= this.read(url).finally(() => {
        this.#reading = null;
      });
      await this.#reading;
      if (this.#waiting.has(id)) await sleep(POLL_MS);
    }
    return performance.now() - postedMs;
  }

  async read(url: string): Promise<void> {
    const answer = await fetch(`${url}/api/v1/timelines/home`, {
      headers: { authorization: `Bearer ${this.#follower}` },
    });
    for (const { id } of (await answer.json()) as { id: string }[]) this.#waiting.delete(id);
  }
}
