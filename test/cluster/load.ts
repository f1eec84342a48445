/** People who post and read all the time, and what they were told. */
import type { SignedUp, Status } from "../support/client.ts";

export interface Told {
  readonly what: "post" | "home";
  /** Null: the connection broke. */
  readonly status: number | null;
  readonly retryAfter: string | null;
  readonly atMs: number;
  readonly tookMs: number;
  /** The start of a body that is no success. */
  readonly says: string;
}

/** Longer than any answer may take. */
const ANSWER_MS_MAX = 30_000;
const PAUSE_MS = 40;

export class Load {
  /** Ids of posts that were answered with 200. */
  readonly acknowledged: string[] = [];
  readonly told: Told[] = [];
  #stopping = false;
  readonly #running: Promise<unknown>;

  constructor(people: { authors: readonly SignedUp[]; readers: readonly SignedUp[] }) {
    let posts = 0;
    this.#running = Promise.all([
      ...people.authors.map((author) =>
        this.#repeat(async () => {
          // Sent once: what a client that knows no better does.
          const body = await this.#ask<Status>("post", author, "/api/v1/statuses", {
            status: `Post ${posts++} of ${author.username}`,
          });
          if (body) this.acknowledged.push(body.id);
        }),
      ),
      ...people.readers.map((reader) =>
        this.#repeat(() => this.#ask("home", reader, "/api/v1/timelines/home?limit=20")),
      ),
    ]);
  }

  /** Answers to this question since a moment of `performance.now()`. */
  since(atMs: number, what: Told["what"]): Told[] {
    return this.told.filter((one) => one.what === what && one.atMs - one.tookMs >= atMs);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
  }

  async #repeat(work: () => Promise<unknown>): Promise<void> {
    while (!this.#stopping) {
      await work();
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  async #ask<Body>(
    what: Told["what"],
    { client }: SignedUp,
    path: string,
    body?: object,
  ): Promise<Body | null> {
    const startedMs = performance.now();
    const tell = (status: number | null, retryAfter: string | null, says: string) => {
      const atMs = performance.now();
      this.told.push({ what, status, retryAfter, says, atMs, tookMs: atMs - startedMs });
    };
    try {
      const answer = await fetch(`${client.url}${path}`, {
        method: body ? "POST" : "GET",
        headers: { authorization: `Bearer ${client.token}`, "content-type": "application/json" },
        signal: AbortSignal.timeout(ANSWER_MS_MAX),
        ...(body && { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      tell(answer.status, answer.headers.get("retry-after"), answer.ok ? "" : text.slice(0, 200));
      return answer.ok ? (JSON.parse(text) as Body) : null;
    } catch (error) {
      tell(null, null, `${error}: ${(error as Error).cause ?? ""}`);
      return null;
    }
  }
}
