/** Favourites, boosts, answers and followers: the applause to the replay, and to what the demo user does. */
import { type AccountId, type StatusId, timeOfIdMs } from "../core/ids.ts";
import type { Random } from "../core/random.ts";
import type { Database } from "../engines/database/pools.ts";
import { type Actors, newestPosts, textOf } from "./actors.ts";

const RECENT_MAX = 60;
/** What was said lately is applauded again and again while it is new. */
const FAVOURITES_A_STEP = 3;
const FAVOURITE_CHANCE = 0.8;
const BOOST_CHANCE = 0.16;
const BOOSTED_CHARACTERS_MIN = 60;
/** A new post of the demo user is noticed quickly, an older one now and then. */
const NEW_POST_MS = 5 * 60_000;
const NOTICE_NEW_CHANCE = 0.5;
const NOTICES_MAX = 5;
const NOTICE_OLD_CHANCE = 0.03;
const FOLLOW_CHANCE = 0.015;
const DEMO_POSTS_LOOKED_AT = 12;
const NOTICED_MAX = 100;

/** Our own words. To a question one answers, to anything else one remarks. */
const ANSWERS = {
  question: [
    "Good question. I've asked myself the same, and never wrote down the answer.",
    "Not sure, but the librarian would know. She always does.",
    "Depends on the weather, like everything.",
    "Ask me again after coffee, and I'll have an opinion.",
    "Yes! And I'd do it again.",
    "I tried once. It went better than expected and worse than hoped.",
    "My neighbour swears by it. I swear at it.",
    "I'd start small and see whether it still amuses me on Thursday.",
    "No idea, but I'm following along.",
    "The short answer is no. The long one needs a bench and an hour.",
    "Somebody here must know. Boosting.",
    "Only on Sundays.",
  ],
  remark: [
    "Well said.",
    "This made my morning, thank you.",
    "Tell us more?",
    "I've been thinking the same all week.",
    "Now I want to try that, too.",
    "That's the most sensible thing I've read today.",
    "How long did that take you?",
    "Adding this to my notes.",
    "I read this aloud in the kitchen. General approval.",
    "Saved, for the next time somebody asks.",
    "You should put that on a wall.",
    "I needed that. Thanks for writing it down.",
    "My tea went cold over this. Worth it.",
    "There's a whole story behind this, isn't there?",
    "The cat disagrees, I don't.",
    "Same here, only with more rain.",
    "And then?",
    "That deserves a picture.",
    "I'd like to be there when it happens again.",
    "Sent it to my sister. She'll know why.",
    "Quietly taking notes in the back row.",
    "It's the small things. It's always the small things.",
    "Page 112. You'll see.",
    "I walked past that just yesterday and thought nothing. Now I'll look.",
  ],
} as const;

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
  readonly #unsaid: Record<keyof typeof ANSWERS, string[]> = { question: [], remark: [] };

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
    for (let i = 0; i < FAVOURITES_A_STEP && this.#recent.length > 0; i++) {
      if (random.chance(FAVOURITE_CHANCE)) await actors.favourite(random.pick(everyone), this.#newest());
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

  /** One of the recent posts, the newer the likelier. */
  #newest(): StatusId {
    const back = Math.floor(this.#recent.length * this.#stage.random.next() ** 2);
    const { id } = this.#recent.at(-1 - back) ?? { id: 0n };
    return id;
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
    if (isNew && times === 2) await actors.post(account, `@demo ${await this.#answerTo(id)}`, id);
    else if (times % 4 === 3) await actors.boost(account, id);
    else await actors.favourite(account, id);
  }

  /** None is said again before all others were. */
  async #answerTo(id: StatusId): Promise<string> {
    const { database, random } = this.#stage;
    const kind = (await textOf(database, id)).includes("?") ? "question" : "remark";
    const unsaid = this.#unsaid[kind];
    if (unsaid.length === 0) unsaid.push(...random.shuffle([...ANSWERS[kind]]));
    return unsaid.pop() ?? "";
  }
}
