/**
 * Requests at a steady pace, sent whether or not earlier ones were answered, as people do. Every fourth is a POST, and
 * every other of these a post with an Idempotency-Key, as clients send them.
 */
import { sleep } from "../../src/core/clock.ts";

export interface Asked {
  readonly id: number;
  readonly method: "GET" | "POST";
  readonly hasKey: boolean;
  readonly beganMs: number;
  /** Null while it's under way. */
  endedMs: number | null;
  /** 0 when the connection broke. */
  status: number;
  /** Who answered; nobody when the balancer did by itself. */
  server: string;
}

export interface SteadyLoadOptions {
  readonly perSecond: number;
  /** What each takes a server. */
  readonly workMs: number;
  readonly firstId: number;
}

export interface SteadyLoad {
  readonly asked: readonly Asked[];
  /** Sends no more; resolves when all that were sent have ended. */
  stop(): Promise<void>;
}

export function steadyLoad(url: string, options: SteadyLoadOptions): SteadyLoad {
  const { perSecond, workMs, firstId } = options;
  const asked: Asked[] = [];
  const waiting: Promise<void>[] = [];
  const startMs = performance.now();
  let isOver = false;
  const ask = async (id: number): Promise<void> => {
    const method = id % 4 === 3 ? "POST" : "GET";
    const hasKey = id % 8 === 7;
    const one: Asked = {
      id,
      method,
      hasKey,
      beganMs: performance.now(),
      endedMs: null,
      status: 0,
      server: "",
    };
    asked.push(one);
    try {
      const body = method === "POST" ? { body: "once" } : {};
      const headers = hasKey ? { "Idempotency-Key": `${id}` } : {};
      const path = hasKey ? "/api/v1/statuses" : "/";
      const answer = await fetch(`${url}${path}?ms=${workMs}&id=${id}`, { method, headers, ...body });
      await answer.arrayBuffer();
      one.status = answer.status;
      one.server = answer.headers.get("x-server") ?? "";
    } catch {
      one.status = 0;
    }
    one.endedMs = performance.now();
  };
  const sending = (async () => {
    while (!isOver) {
      // By the clock, so that a late turn is made up for.
      while (asked.length < ((performance.now() - startMs) * perSecond) / 1_000)
        waiting.push(ask(firstId + asked.length));
      await sleep(5);
    }
  })();
  return {
    asked,
    stop: async () => {
      isOver = true;
      await sending;
      await Promise.all(waiting);
    },
  };
}
