/** A post as its author sends it, and the home of a follower until it's there. */
import { sleep } from "../src/core/clock.ts";

const GIVE_UP_MS = 30_000;
/** Reading without a pause would be load, not a look. */
const POLL_MS = 2;

/** Tokens of an author and one of its followers. */
export interface Pair {
  readonly author: string;
  readonly follower: string;
}

export async function publish(url: string, token: string, text: string): Promise<string> {
  const answer = await fetch(`${url}/api/v1/statuses`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ status: text }),
  });
  if (!answer.ok) throw new Error(`a post was answered with ${answer.status}`);
  return ((await answer.json()) as { id: string }).id;
}

export async function readHome(url: string, token: string): Promise<{ id: string }[]> {
  const answer = await fetch(`${url}/api/v1/timelines/home`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return (await answer.json()) as { id: string }[];
}

/** Milliseconds from the answer to the post until it's in the follower's home. */
export async function postAndWait(url: string, { author, follower }: Pair): Promise<number> {
  const id = await publish(url, author, "How long until you see this?");
  const postedMs = performance.now();
  while (performance.now() - postedMs < GIVE_UP_MS) {
    if ((await readHome(url, follower)).some((status) => status.id === id))
      return performance.now() - postedMs;
    await sleep(POLL_MS);
  }
  throw new Error(`a post wasn't visible after ${GIVE_UP_MS} ms`);
}
