/**
 * A client that asks until it is answered, as one does that goes on: on a machine that is too busy a balancer may take a
 * server for hung and cut who waits for it. What was asked twice is done once, by its Idempotency-Key.
 */
import { randomUUID } from "node:crypto";
import { sleep } from "../../src/core/clock.ts";
import { type Answer, type Client, UnexpectedAnswer } from "./client.ts";

const ANSWER_MS_MAX = 60_000;
const PAUSE_MS = 100;

/** How often something had to be asked again. */
export const repeated = { times: 0 };

/** The answer, which must be a 200. What is deleted and was gone when asked again has been deleted. */
export async function patiently<Body>(
  client: Client,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer<Body>> {
  const headers = { "idempotency-key": randomUUID() };
  const untilMs = performance.now() + ANSWER_MS_MAX;
  for (let isAgain = false; ; isAgain = true) {
    const answer = await client.ask<Body>(method, path, body, headers).catch((error: Error) => error);
    if (!(answer instanceof Error)) {
      if (answer.status === 200 || (isAgain && method === "DELETE" && answer.status === 404)) return answer;
      if (![502, 503, 504].includes(answer.status)) throw new UnexpectedAnswer(`${method} ${path}`, answer);
    }
    if (performance.now() > untilMs) {
      if (answer instanceof Error) throw answer;
      throw new UnexpectedAnswer(`${method} ${path}, for ${ANSWER_MS_MAX} ms`, answer);
    }
    repeated.times++;
    await sleep(PAUSE_MS);
  }
}
