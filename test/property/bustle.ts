/**
 * People who post, delete and scroll all at once, and what each page they are shown must hold though everything moves:
 * strictly descending, pages that touch, what was certainly there before the reading began, nothing that had gone by then.
 */
import { sleep } from "../../src/core/clock.ts";
import type { Random } from "../../src/core/random.ts";
import type { SignedUp, Status } from "../support/client.ts";
import { patiently } from "../support/patient.ts";

/** An acknowledged post is in its followers' timelines after this at the latest. */
const FRESH_MS = 5_000;
const PAUSE_MS_MAX = 30;
const DELETES = 0.1;

export interface Post {
  readonly id: bigint;
  readonly author: Viewer;
  readonly acknowledgedMs: number;
  /** When its deletion was asked for, and answered. */
  deletingMs: number | null;
  deletedMs: number | null;
}

export interface Viewer extends SignedUp {
  readonly follows: Set<Viewer>;
  /** When each status was first shown to them. */
  readonly shownMs: Map<bigint, number>;
}

export class Bustle {
  readonly posts = new Map<bigint, Post>();
  pagesRead = 0;
  readonly #random: Random;
  readonly #running: Promise<void>[] = [];
  readonly #failures: unknown[] = [];
  #isStopping = false;
  #gate: PromiseWithResolvers<void> | null = null;
  #parked = 0;
  /** All that was acknowledged by then had been delivered. */
  #quietMs = 0;

  constructor(options: {
    authors: readonly Viewer[];
    readers: readonly Viewer[];
    random: Random;
  }) {
    this.#random = options.random;
    for (const author of options.authors) this.#repeat(() => this.#write(author));
    for (const reader of options.readers) this.#repeat(() => this.#read(reader));
  }

  /** Everybody has their answers, and asks nothing more until `resume`. Throws what somebody was shown and mustn't be. */
  async pause(): Promise<void> {
    this.#gate ??= Promise.withResolvers<void>();
    while (this.#parked < this.#running.length && this.#failures.length === 0) await sleep(2);
    this.expectWell();
    for (const viewer of new Set(this.#viewers)) {
      for (const id of viewer.shownMs.keys()) {
        const post = this.posts.get(id);
        if (post && isOf(post, viewer)) continue;
        throw new Error(
          `${viewer.username} was shown ${id}, ${post ? "of a stranger" : "which nobody posted"}`,
        );
      }
    }
  }

  /** Whoever paused has seen that all was delivered. */
  resume(): void {
    this.#quietMs = performance.now();
    this.#gate?.resolve();
    this.#gate = null;
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#gate?.resolve();
    await Promise.all(this.#running);
  }

  expectWell(): void {
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  readonly #viewers: Viewer[] = [];

  #repeat(act: () => Promise<void>): void {
    const run = async () => {
      while (!this.#isStopping && this.#failures.length === 0) {
        if (this.#gate) {
          this.#parked++;
          await this.#gate.promise;
          this.#parked--;
          continue;
        }
        await act();
        await sleep(this.#random.below(PAUSE_MS_MAX));
      }
    };
    this.#running.push(run().catch((error: unknown) => void this.#failures.push(error)));
  }

  async #write(author: Viewer): Promise<void> {
    const own = [...this.posts.values()].filter((post) => post.author === author && post.deletingMs === null);
    if (own.length > 20 && this.#random.chance(DELETES)) {
      // One of the newest: those are in everybody's stored timeline.
      const post = this.#random.pick(own.slice(-20));
      post.deletingMs = performance.now();
      await patiently(author.client, "DELETE", `/api/v1/statuses/${post.id}`);
      post.deletedMs = performance.now();
    } else {
      const text = { status: `Post ${this.posts.size}` };
      const id = BigInt((await patiently<Status>(author.client, "POST", "/api/v1/statuses", text)).body.id);
      const acknowledgedMs = performance.now();
      this.posts.set(id, { id, author, acknowledgedMs, deletingMs: null, deletedMs: null });
    }
    // By another server than the one that took it.
    await this.#scrollDown(author, { pages: 1, limit: 5 });
  }

  async #read(reader: Viewer): Promise<void> {
    const size = { pages: 1 + this.#random.below(5), limit: 2 + this.#random.below(19) };
    const known = [...reader.shownMs.keys()];
    if (known.length > 0 && this.#random.chance(0.25))
      await this.#scrollUp(reader, this.#random.pick(known.slice(-100)), size);
    else await this.#scrollDown(reader, size);
  }

  async #scrollDown(viewer: Viewer, size: { pages: number; limit: number }): Promise<void> {
    const startedMs = performance.now();
    const shown: bigint[] = [];
    let low = -1n;
    for (let n = 0; n < size.pages; n++) {
      const query = low === -1n ? "" : `&max_id=${low}`;
      const page = await this.#page(viewer, `limit=${size.limit}${query}`);
      shown.push(...page);
      low = page.length < size.limit ? 0n : (page.at(-1) ?? 0n);
      if (low === 0n) break;
    }
    this.#judge(viewer, startedMs, shown, (id) => id >= low);
  }

  async #scrollUp(viewer: Viewer, from: bigint, size: { pages: number; limit: number }): Promise<void> {
    const startedMs = performance.now();
    const shown: bigint[] = [];
    let high = from;
    let isAtTop = false;
    for (let n = 0; n < size.pages && !isAtTop; n++) {
      const page = await this.#page(viewer, `limit=${size.limit}&min_id=${high}`);
      shown.unshift(...page);
      high = page[0] ?? high;
      isAtTop = page.length < size.limit;
    }
    this.#judge(viewer, startedMs, shown, (id) => id > from && (isAtTop || id <= high));
  }

  async #page(viewer: Viewer, query: string): Promise<bigint[]> {
    const { body } = await patiently<Status[]>(viewer.client, "GET", `/api/v1/timelines/home?${query}`);
    this.pagesRead++;
    return body.map(({ id }) => BigInt(id));
  }

  #judge(
    viewer: Viewer,
    startedMs: number,
    shown: readonly bigint[],
    isCovered: (id: bigint) => boolean,
  ): void {
    this.#viewers.push(viewer);
    const fail = (what: string) => {
      throw new Error(`${viewer.username}: ${what}, in pages ${shown.join(" ")}`);
    };
    shown.forEach((id, place) => {
      if (place > 0 && id >= (shown[place - 1] ?? 0n)) fail(`${id} isn't below what stands before it`);
    });
    const ids = new Set(shown);
    for (const post of this.posts.values()) {
      const { id } = post;
      if (post.deletedMs !== null && post.deletedMs < startedMs && ids.has(id))
        fail(`${id} was deleted before`);
      if (post.deletingMs !== null || ids.has(id) || !isCovered(id) || !isOf(post, viewer)) continue;
      if (post.acknowledgedMs > startedMs) continue;
      const shownMs = viewer.shownMs.get(id) ?? Number.POSITIVE_INFINITY;
      if (post.author === viewer) fail(`${id} is missing, their own`);
      if (shownMs < startedMs) fail(`${id} is missing, which was shown ${startedMs - shownMs} ms before`);
      if (post.acknowledgedMs < this.#quietMs) fail(`${id} is missing, which had been delivered to all`);
      if (post.acknowledgedMs < startedMs - FRESH_MS) fail(`${id} is missing, older than ${FRESH_MS} ms`);
    }
    const nowMs = performance.now();
    for (const id of ids) if (!viewer.shownMs.has(id)) viewer.shownMs.set(id, nowMs);
  }
}

function isOf({ author }: Post, viewer: Viewer): boolean {
  return author === viewer || viewer.follows.has(author);
}
