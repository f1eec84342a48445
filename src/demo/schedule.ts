/** When what was said over years is said in the demo: the last four weeks, by day and night, and busiest just now. */
import type { Corpus } from "./corpus.ts";

export interface Schedule {
  /** For each post of the corpus when it is published; null for what is kept back for the replay. */
  readonly atMs: readonly (number | null)[];
  /** Conversations with posts kept back, and from which post on; those already under way first. */
  readonly keptBack: readonly { readonly conversation: number; readonly from: number }[];
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export const DEMO_DAYS = 28;
/** Of the posts, before conversations that are under way are cut at the present. */
const LOADED_SHARE = 0.96;
const BUCKET_MS = 10 * MINUTE_MS;
const BUSY_HOURS = 5;
/** Nothing is published this close to the present: loading takes its time, and clocks differ. */
const LATEST_MS = 3_000;

/** The same for the same corpus and present. An answer is always later than what it answers. */
export function scheduleOf(corpus: Corpus, nowMs: number): Schedule {
  const placeToMs = timesOfDay(nowMs);
  const total = corpus.conversations.reduce((sum, posts) => sum + posts.length, 0);
  const atMs: (number | null)[] = [];
  const underWay: { conversation: number; from: number }[] = [];
  const future: { conversation: number; from: number }[] = [];
  corpus.conversations.forEach((posts, conversation) => {
    const place = atMs.length / (total * LOADED_SHARE);
    let postMs = place < 1 ? placeToMs(place) : Number.POSITIVE_INFINITY;
    let from: number | null = null;
    posts.forEach(([, , gapS, text], index) => {
      postMs += gapS * 1_000 + (text.length % 7) * 131;
      const isPast = postMs <= nowMs - LATEST_MS;
      if (!isPast) from ??= index;
      atMs.push(isPast ? postMs : null);
    });
    if (from !== null) (from > 0 ? underWay : future).push({ conversation, from });
  });
  return { atMs, keptBack: [...underWay, ...future] };
}

/** From a share of all posts, in [0, 1), to the time by which that share has been published. */
function timesOfDay(nowMs: number): (place: number) => number {
  const startMs = nowMs - DEMO_DAYS * DAY_MS;
  const buckets = (DEMO_DAYS * DAY_MS) / BUCKET_MS;
  const cumulative = new Float64Array(buckets + 1);
  for (let bucket = 0; bucket < buckets; bucket++) {
    cumulative[bucket + 1] = (cumulative[bucket] ?? 0) + busyness(startMs + bucket * BUCKET_MS, nowMs);
  }
  const all = cumulative[buckets] ?? 1;
  return (place) => {
    const wanted = place * all;
    let low = 0;
    let high = buckets;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((cumulative[middle] ?? 0) <= wanted) low = middle;
      else high = middle;
    }
    const before = cumulative[low] ?? 0;
    const within = (wanted - before) / ((cumulative[low + 1] ?? all) - before);
    return Math.floor(startMs + (low + within) * BUCKET_MS);
  };
}

/** Posts per time, 1 for an ordinary noon. The last hours are busy whatever the time of day: somebody is looking. */
function busyness(atMs: number, nowMs: number): number {
  const at = new Date(atMs);
  const hour = at.getHours() + at.getMinutes() / 60;
  const daylight = 0.5 - 0.5 * Math.cos(((hour - 4) / 24) * 2 * Math.PI);
  const growth = 0.7 + 0.5 * (1 - (nowMs - atMs) / (DEMO_DAYS * DAY_MS));
  const usual = (0.15 + 0.85 * daylight) * growth;
  const hoursAgo = (nowMs - atMs) / HOUR_MS;
  return hoursAgo > BUSY_HOURS ? usual : Math.max(usual, 1) * (1 + 1.4 * (1 - hoursAgo / BUSY_HOURS));
}
