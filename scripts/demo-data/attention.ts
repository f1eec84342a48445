/** Who follows, boosts and favourites whom, read off who answers and mentions whom. */
import type { Random } from "../../src/core/random.ts";

/** A post with accounts and posts by their place. */
export interface PlacedPost {
  readonly author: number;
  readonly parent: PlacedPost | null;
  readonly gapS: number;
  /** As shown. */
  readonly text: string;
  /** Without whom it is addressed to. */
  readonly words: string;
  readonly mentions: readonly number[];
  readonly answers: number;
}

const RECIPROCAL_BASE = 0.35;
const RECIPROCAL_PER_CONTACT = 0.12;
const CLOSURES_PER_FOLLOW = 1;
const MIN_CLOSURES = 3;
const MAX_CLOSURES = 120;
const CLOSURE_ATTEMPTS = 4;

/** How often each account answered or mentioned each other. */
export function attentionOf(posts: readonly PlacedPost[], accounts: number): Map<number, number>[] {
  const attention = Array.from({ length: accounts }, () => new Map<number, number>());
  for (const post of posts) {
    const heard = new Set(post.mentions);
    if (post.parent) heard.add(post.parent.author);
    heard.delete(post.author);
    for (const other of heard) {
      const of = attention[post.author];
      of?.set(other, (of.get(other) ?? 0) + 1);
    }
  }
  return attention;
}

/**
 * One follows whom one answered or mentioned; who was, follows back the likelier the more often; and some of those
 * whom one's followees follow are followed too (triadic closure), so the well-known become better known.
 */
export function followsOf(attention: readonly ReadonlyMap<number, number>[], random: Random): Set<number>[] {
  const follows = attention.map((heard) => new Set(heard.keys()));
  attention.forEach((heard, account) => {
    for (const [other, times] of heard) {
      if (random.chance(RECIPROCAL_BASE + RECIPROCAL_PER_CONTACT * times)) follows[other]?.add(account);
    }
  });
  const direct = follows.map((followed) => [...followed]);
  const everyone = direct.flat();
  direct.forEach((own, account) => {
    const closures = Math.min(MAX_CLOSURES, MIN_CLOSURES + Math.round(own.length * CLOSURES_PER_FOLLOW));
    const followed = follows[account];
    for (let i = 0; i < closures && followed; i++) {
      for (let attempt = 0; attempt < CLOSURE_ATTEMPTS; attempt++) {
        const through = own.length > 0 ? direct[random.pick(own)] : undefined;
        const found = random.pick(through && through.length > 0 ? through : everyone);
        if (found === account || followed.has(found)) continue;
        followed.add(found);
        break;
      }
    }
  });
  return follows;
}

const BEGINNING = 1;
const ANSWER = -1;

/**
 * Whom to follow for a home timeline that reads well: those who begin threads, and of these the ones who answer each
 * other the least. An answer shows where both sides are followed, and many of them make a page that only continues what
 * was said elsewhere.
 */
export function readableCircle(posts: readonly PlacedPost[], accounts: number, size: number): number[] {
  const between = Array.from({ length: accounts }, () => new Map<number, number>());
  const gain = new Float64Array(accounts);
  for (const { author, parent, answers } of posts) {
    if (!parent || parent.author === author) {
      gain[author] = (gain[author] ?? 0) + (answers > 0 ? BEGINNING : 0.15);
      continue;
    }
    const other = parent.author;
    between[author]?.set(other, (between[author]?.get(other) ?? 0) + ANSWER);
    between[other]?.set(author, (between[other]?.get(author) ?? 0) + ANSWER);
  }
  const circle: number[] = [];
  while (circle.length < size) {
    let best = 0;
    for (let account = 1; account < accounts; account++) {
      if ((gain[account] ?? 0) > (gain[best] ?? 0)) best = account;
    }
    circle.push(best);
    gain[best] = Number.NEGATIVE_INFINITY;
    for (const [other, times] of between[best] ?? []) gain[other] = (gain[other] ?? 0) + times;
  }
  return circle;
}

export interface Liking {
  /** Place of the post, who, after how many seconds. */
  readonly boosts: [number, number, number][];
  readonly favourites: [number, number][];
}

const THANKS = /\b(thanks?|thank you|thx|ty|great|nice|works|worked|perfect|awesome|solved|cheers)\b/i;
const MAX_FAVOURITES = 60;
const MAX_BOOSTS = 25;
const KNOWN_BOOST = 0.5;

/** Thanks become favourites; what was answered and says much is favourited and boosted by those who follow its author. */
export function likingOf(
  posts: readonly PlacedPost[],
  follows: readonly ReadonlySet<number>[],
  circle: ReadonlySet<number>,
  random: Random,
): Liking {
  const followers = follows.map((): number[] => []);
  follows.forEach((followed, account) => {
    for (const other of followed) followers[other]?.push(account);
  });
  const thanked = new Map<PlacedPost, Set<number>>();
  for (const { author, parent, text } of posts) {
    if (!parent || parent.author === author || !THANKS.test(text)) continue;
    thanked.set(parent, (thanked.get(parent) ?? new Set()).add(author));
  }
  const boosts: [number, number, number][] = [];
  const favourites: [number, number][] = [];
  posts.forEach((post, place) => {
    const audience = followers[post.author] ?? [];
    const worth = worthOf(post);
    const favouriting = new Set(thanked.get(post));
    const wanted = Math.min(MAX_FAVOURITES, audience.length / 3, heavyTailed(random, 1.1 * worth));
    while (favouriting.size < Math.floor(wanted)) favouriting.add(random.pick(audience));
    favouriting.delete(post.author);
    for (const account of favouriting) favourites.push([place, account]);
    const known = audience.filter((account) => circle.has(account));
    const boostable = post.text.length < 60 ? 0 : post.parent === null ? worth * 1.5 : worth * 0.2;
    const boosting = new Set<number>();
    const copies = Math.min(MAX_BOOSTS, audience.length / 2, heavyTailed(random, 0.42 * boostable));
    while (boosting.size < Math.floor(copies)) {
      boosting.add(random.pick(known.length > 0 && random.chance(KNOWN_BOOST) ? known : audience));
    }
    for (const account of boosting) {
      // Most within minutes, some much later.
      const delayS = Math.round(25 + 200 * random.next() ** -0.8);
      if (account !== post.author) boosts.push([place, account, delayS]);
    }
  });
  return { boosts, favourites };
}

function worthOf(post: PlacedPost): number {
  const length = Math.min(post.text.length, 240) / 120;
  return length * (1 + Math.min(post.answers, 6) * 0.5);
}

/** Mostly nothing, sometimes much: mean about twice the scale. */
function heavyTailed(random: Random, scale: number): number {
  return Math.max(0, scale * (random.next() ** -0.62 - 1.1));
}
