/** Favourites, boosts, answers and followers: the applause to the replay, and to what the demo user does. */
import { type AccountId, type StatusId, timeOfIdMs } from "../core/ids.ts";
import type { Random } from "../core/random.ts";
import type { Database } from "../engines/database/pools.ts";
import { type Actors, newestPosts } from "./actors.ts";

const RECENT_MAX = 150;
const FAVOURITE_CHANCE = 0.45;
const BOOST_CHANCE = 0.07;
const BOOSTED_CHARACTERS_MIN = 60;
/** A new post of the demo user is noticed quickly, an older one now and then. */
const NEW_POST_MS = 5 * 60_000;
const NOTICE_NEW_CHANCE = 0.5;
const NOTICES_MAX = 5;
const NOTICE_OLD_CHANCE = 0.03;
const FOLLOW_CHANCE = 0.015;
const DEMO_POSTS_LOOKED_AT = 12;
const NOTICED_MAX = 100;

/** Our own words. */
const ANSWERS = [
  "well said",
  "bookmarked, for the next time somebody asks",
  "this made my morning, thank you",
  "tell us more?",
  "I have been thinking the same all week",
  "now I want to try that too",
  "hear, hear",
  "that is the most sensible thing I've read today",
  "how long did that take you?",
  "adding this to my notes",
];

export interface Stage {
  readonly database: Database;
  readonly actors: Actors;
  readonly random: Random;
  readonly demo: AccountId;
  /** Whom the demo user follows, and everyone. */
  readonly circle: readonly AccountId[];
  readonly everyone: readonly AccountId[];
}

export class Reactions {
  readonly #stage: Stage;
  /** Newest last. */
  readonly #recent: { id: StatusId; isBoostable: boolean }[] = [];
  readonly #noticed = new Map<StatusId, number>();

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  posted(id: StatusId, isRoot: boolean, text: string): void {
    this.#recent.push({ id, isBoostable: isRoot && text.length >= BOOSTED_CHARACTERS_MIN });
    if (this.#recent.length > RECENT_MAX) this.#recent.shift();
  }

  /** Some of it, mostly none. */
  async react(nowMs: number): Promise<void> {
    const { random, actors, circle, everyone, demo } = this.#stage;
    if (this.#recent.length > 0 && random.chance(FAVOURITE_CHANCE)) {
      await actors.favourite(random.pick(everyone), random.pick(this.#recent).id);
    }
    const boostable = this.#recent.filter((post) => post.isBoostable);
    if (boostable.length > 0 && random.chance(BOOST_CHANCE)) {
      await actors.boost(random.pick(circle), random.pick(boostable).id);
    }
    await this.#noticeDemo(nowMs);
    if (random.chance(FOLLOW_CHANCE)) {
      const follower = random.pick(everyone);
      if (follower !== demo) await actors.follow(follower, demo);
    }
  }

  async #noticeDemo(nowMs: number): Promise<void> {
    const { database, random, demo } = this.#stage;
    const posts = await newestPosts(database, [demo], DEMO_POSTS_LOOKED_AT);
    const fresh = posts.find(
      (id) => nowMs - timeOfIdMs(id) < NEW_POST_MS && (this.#noticed.get(id) ?? 0) < NOTICES_MAX,
    );
    if (fresh !== undefined && random.chance(NOTICE_NEW_CHANCE)) return this.#notice(fresh);
    if (posts.length > 0 && random.chance(NOTICE_OLD_CHANCE)) return this.#notice(random.pick(posts));
  }

  /** Favourites, and as the third thing an answer, as the fourth a boost. */
  async #notice(id: StatusId): Promise<void> {
    const { actors, random, circle } = this.#stage;
    const times = this.#noticed.get(id) ?? 0;
    this.#noticed.delete(id);
    this.#noticed.set(id, times + 1);
    for (const oldest of this.#noticed.keys()) {
      if (this.#noticed.size <= NOTICED_MAX) break;
      this.#noticed.delete(oldest);
    }
    const account = random.pick(circle);
    const isNew = times < NOTICES_MAX;
    if (isNew && times === 2) await actors.post(account, `@demo ${random.pick(ANSWERS)}`, id);
    else if (times % 4 === 3) await actors.boost(account, id);
    else await actors.favourite(account, id);
  }
}
