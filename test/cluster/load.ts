/** People who post, delete, favourite, follow, block and read all the time, and what they were told. */
import type { SignedUp, Status } from "../support/client.ts";

export interface Told {
  readonly what: "write" | "home";
  /** Null: the connection broke. */
  readonly status: number | null;
  readonly retryAfter: string | null;
  readonly atMs: number;
  readonly tookMs: number;
  /** The start of a body that is no success. */
  readonly says: string;
}

/** What somebody was told of things that are done once: those that were acknowledged, and all that were asked for. */
class Asked {
  readonly acknowledged = new Set<string>();
  readonly all = new Set<string>();
}

/** As an account's `Relationship` tells of somebody. */
export interface Relation {
  readonly following: boolean;
  readonly blocking: boolean;
}

const STRANGERS: Relation = { following: false, blocking: false };

/** Longer than any answer may take. */
const ANSWER_MS_MAX = 30_000;
const PAUSE_MS = 40;
/** Between changes of relations: so slow that what a fault may lose isn't done anew before somebody looks. */
const RELATION_PAUSE_MS = 300;
/** Of each author's posts, one in so many is deleted, and another favourited. */
const EACH = 4;

export interface People {
  readonly authors: readonly SignedUp[];
  readonly readers: readonly SignedUp[];
  /** Follows and blocks the `strangers`. */
  readonly wavering: SignedUp;
  readonly strangers: readonly SignedUp[];
}

export class Load {
  /** Ids of posts that were answered with 200. */
  readonly acknowledged: string[] = [];
  /** Ids of posts. */
  readonly deleted = new Asked();
  /** Ids of posts that their own authors favourited. */
  readonly favourited = new Map<SignedUp, Asked>();
  /** By account id: what may be. One, unless the last change wasn't acknowledged. */
  readonly relations: ReadonlyMap<string, Relation[]>;
  readonly told: Told[] = [];
  #stopping = false;
  #posts = 0;
  readonly #running: Promise<unknown>;

  /** `relations`: as a load before has left them. */
  constructor({ authors, readers, wavering, strangers }: People, relations: Load["relations"] = new Map()) {
    this.relations = new Map(strangers.map(({ id }) => [id, [...(relations.get(id) ?? [STRANGERS])]]));
    this.#running = Promise.all([
      ...authors.map((author) => this.#post(author)),
      ...readers.map((reader) =>
        this.#repeat(PAUSE_MS, () => this.#ask("home", reader, "GET", "/api/v1/timelines/home?limit=20")),
      ),
      this.#waver(wavering, strangers),
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

  async #post(author: SignedUp): Promise<void> {
    const favourited = new Asked();
    this.favourited.set(author, favourited);
    let own = 0;
    await this.#repeat(PAUSE_MS, async () => {
      // Sent once: what a client that knows no better does.
      const status = `Post ${this.#posts++} of ${author.username}`;
      const posted = await this.#ask<Status>("write", author, "POST", "/api/v1/statuses", { status });
      if (posted === null) return;
      const { id } = posted;
      this.acknowledged.push(id);
      const turn = own++ % EACH;
      const path = `/api/v1/statuses/${id}`;
      if (turn === 0) await this.#once(this.deleted, id, () => this.#ask("write", author, "DELETE", path));
      if (turn === 1)
        await this.#once(favourited, id, () => this.#ask("write", author, "POST", `${path}/favourite`));
    });
  }

  /** Goes round among the strangers, with each a step at a time. */
  async #waver(wavering: SignedUp, strangers: readonly SignedUp[]): Promise<void> {
    const waiting = [...strangers];
    let turn = 0;
    await this.#repeat(RELATION_PAUSE_MS, async () => {
      const stranger = waiting.shift();
      const may = this.relations.get(stranger?.id ?? "");
      if (!stranger || !may) return;
      const { action, to } = nextStep(may, turn++);
      may.push(to);
      const path = `/api/v1/accounts/${stranger.id}/${action}`;
      if ((await this.#ask("write", wavering, "POST", path)) === null) return;
      may.splice(0, may.length, to);
      // Whom a change failed with is left alone: a frozen server may do it later than another would do the next.
      waiting.push(stranger);
    });
  }

  async #once({ all, acknowledged }: Asked, id: string, ask: () => Promise<unknown>): Promise<void> {
    all.add(id);
    if ((await ask()) !== null) acknowledged.add(id);
  }

  async #repeat(pauseMs: number, work: () => Promise<unknown>): Promise<void> {
    while (!this.#stopping) {
      await work();
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  async #ask<Body>(
    what: Told["what"],
    { client }: SignedUp,
    method: string,
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
        method,
        headers: {
          authorization: `Bearer ${client.token}`,
          ...(body && { "content-type": "application/json" }),
        },
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

function nextStep(may: readonly Relation[], turn: number) {
  const [now = STRANGERS] = may;
  // From wherever it is, a block leads to one place.
  if (may.length > 1) return { action: "block", to: { following: false, blocking: true } };
  if (now.blocking) return { action: "unblock", to: STRANGERS };
  if (turn % 2 === 1) return { action: "block", to: { following: false, blocking: true } };
  return now.following
    ? { action: "unfollow", to: STRANGERS }
    : { action: "follow", to: { following: true, blocking: false } };
}
