/**
 * Makes demo/corpus.json.br from the IRC posts of the conversation disentanglement corpus (see demo/NOTICE.md):
 *
 *   node scripts/make-demo-data.ts path/to/irc-posts.jsonl.gz
 *
 * The same input gives the same output. Needed only to change the demo; what it makes is committed.
 */
import { writeFileSync } from "node:fs";
import { brotliCompressSync, constants } from "node:zlib";
import { mix32, type Random, seededRandom } from "../src/core/random.ts";
import { CORPUS_FORMAT, type Corpus, type CorpusPost } from "../src/demo/corpus.ts";
import { attentionOf, followsOf, likingOf, type PlacedPost, readableCircle } from "./demo-data/attention.ts";
import { readChat } from "./demo-data/chat.ts";
import { birdOf, makePeople, type Person } from "./demo-data/names.ts";
import { polish, readsWell } from "./demo-data/polish.ts";
import { type Conversation, conversationsOf, linkAnswers } from "./demo-data/threads.ts";

const SEED = 20_041_115;
const CIRCLE_SIZE = 450;
const FOLLOWERS_IN_CIRCLE = 48;
const FOLLOWERS_ELSEWHERE = 31;
const MAX_GAP_S = 15 * 60;
const OUTPUT = new URL("../demo/corpus.json.br", import.meta.url);

function main(input: string): void {
  const random = seededRandom(SEED);
  const chat = conversationsOf(linkAnswers(readChat(input)));
  const accountOf = numberAccounts(chat);
  const people = makePeople(accountOf.size, random);
  const placed = chat
    .map((conversation) => place(conversation, accountOf, people, random))
    .map((posts) => (readsWell(posts) ? withoutAfterthoughts(posts) : posts));
  const all = placed.flat();
  const attention = attentionOf(all, people.length);
  const follows = followsOf(attention, random);
  const circle = readableCircle(placed.filter(readsWell).flat(), people.length, CIRCLE_SIZE);
  const ordered = orderConversations(placed, new Set(circle), random);
  const liking = likingOf(ordered.flat(), follows, new Set(circle), random);
  const corpus: Corpus = {
    format: CORPUS_FORMAT,
    accounts: people.map(({ username, displayName, bio }) => [username, displayName, bio]),
    follows: follows.map((followed) => distances([...followed].sort((a, b) => a - b))),
    conversations: ordered.map(packConversation),
    boosts: packPlaces(liking.boosts),
    favourites: packPlaces(liking.favourites),
    demo: { follows: circle, followers: demoFollowers(circle, people.length, random) },
  };
  const json = Buffer.from(JSON.stringify(corpus));
  const packed = brotliCompressSync(json, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_LGWIN]: 24,
      [constants.BROTLI_PARAM_SIZE_HINT]: json.length,
    },
  });
  writeFileSync(OUTPUT, packed);
  report(corpus, new Set(circle), ordered, packed.length);
}

/** In no order that says anything about when they spoke. */
function numberAccounts(chat: readonly Conversation[]): Map<number, number> {
  const pseudonyms = new Set(chat.flat().map((post) => post.author));
  const shuffled = [...pseudonyms].sort((a, b) => mix32(a) - mix32(b));
  return new Map(shuffled.map((pseudonym, account) => [pseudonym, account]));
}

function place(
  conversation: Conversation,
  accountOf: ReadonlyMap<number, number>,
  people: readonly Person[],
  random: Random,
): PlacedPost[] {
  const placedOf = new Map<unknown, PlacedPost>();
  let previousS = conversation[0]?.atS ?? 0;
  return conversation.map((post) => {
    const mentions: number[] = [];
    const mention = (pseudonym: number): string => {
      const account = accountOf.get(pseudonym);
      if (account === undefined) return birdOf(pseudonym);
      mentions.push(account);
      return `@${people[account]?.username}`;
    };
    const addressee =
      post.addressee !== null && accountOf.has(post.addressee) ? `${mention(post.addressee)} ` : "";
    const body = polish(post.text).replace(/@u(\d+)/g, (_, pseudonym: string) => mention(Number(pseudonym)));
    // Times are whole minutes in the corpus.
    const gapS = Math.min(MAX_GAP_S, post.atS - previousS) + 6 + random.below(50);
    previousS = post.atS;
    const placed: PlacedPost = {
      author: accountOf.get(post.author) ?? 0,
      parent: placedOf.get(post.parent) ?? null,
      gapS,
      words: body,
      text: `${addressee}${withHashtag(body, post.parent === null, random)}`,
      mentions,
      answers: post.children.length,
    };
    placedOf.set(post, placed);
    return placed;
  });
}

/** What one adds to one's own words, and nobody answers, tells little to a reader who comes by. */
function withoutAfterthoughts(posts: readonly PlacedPost[]): PlacedPost[] {
  const answered = new Set(posts.map(({ parent }) => parent));
  return posts.filter((post) => post.parent?.author !== post.author || answered.has(post));
}

const TOPICS =
  /(?<=^|[ \n])(grub|kernel|nvidia|gnome|kde|firefox|wifi|wireless|samba|apache|mysql|python|vim|emacs|ssh|kubuntu|xubuntu|debian|wine|compiz|gimp|bash|raid|bluetooth|printer|usb|virtualbox|unity|systemd|php|lvm|ubuntu|linux)(?=[ ,.?!\n]|$)/i;

/** Some name their topic as people do where there are hashtags. */
function withHashtag(text: string, isRoot: boolean, random: Random): string {
  return random.chance(isRoot ? 0.22 : 0.03) ? text.replace(TOPICS, "#$1") : text;
}

/** The end of the order, which becomes the last days and what is kept back for the replay. */
const LATE_SHARE = 0.11;
const READABLE_LATE = 0.5;

/** Eras mixed; what shows to the demo user spread over all of it, and the end full of it. */
function orderConversations(
  conversations: readonly PlacedPost[][],
  circle: ReadonlySet<number>,
  random: Random,
): PlacedPost[][] {
  const keyed = conversations.map((posts) => {
    const shows = circle.has(posts[0]?.author ?? -1);
    const key = random.next();
    if (readsWell(posts)) {
      // The end is what people see first, in their home timeline and in the public one.
      return { posts, key: shows || random.chance(READABLE_LATE) ? 1 - LATE_SHARE * key : key };
    }
    return { posts, key: (1 - LATE_SHARE) * key };
  });
  return keyed.sort((a, b) => a.key - b.key).map(({ posts }) => posts);
}

function showingIn(posts: readonly PlacedPost[], circle: ReadonlySet<number>): number {
  return posts.filter(({ author, parent }) => circle.has(author) && (!parent || circle.has(parent.author)))
    .length;
}

function demoFollowers(circle: readonly number[], accounts: number, random: Random): number[] {
  const followers = new Set(random.shuffle([...circle]).slice(0, FOLLOWERS_IN_CIRCLE));
  while (followers.size < FOLLOWERS_IN_CIRCLE + FOLLOWERS_ELSEWHERE) followers.add(random.below(accounts));
  return [...followers];
}

function packConversation(posts: readonly PlacedPost[]): CorpusPost[] {
  return posts.map((post, index) => {
    const answers = post.parent ? index - posts.indexOf(post.parent) : 0;
    return [post.author, answers, index === 0 ? 0 : post.gapS, post.text];
  });
}

/** Rows are in order of their first number, which becomes the distance from the row before. */
function packPlaces(rows: readonly (readonly number[])[]): number[] {
  let last = 0;
  return rows.flatMap(([place = 0, ...rest]) => {
    const distance = place - last;
    last = place;
    return [distance, ...rest];
  });
}

function distances(ascending: readonly number[]): number[] {
  return ascending.map((value, index) => value - (ascending[index - 1] ?? 0));
}

function report(corpus: Corpus, circle: Set<number>, ordered: PlacedPost[][], bytes: number): void {
  const posts = ordered.flat();
  const fifths = [0, 1, 2, 3, 4].map((fifth) => {
    const part = posts.slice((posts.length * fifth) / 5, (posts.length * (fifth + 1)) / 5);
    return showingIn(part, circle);
  });
  const last = posts.slice(-posts.length * 0.08);
  console.log({
    accounts: corpus.accounts.length,
    follows: corpus.follows.reduce((sum, followed) => sum + followed.length, 0),
    posts: posts.length,
    replies: posts.filter((post) => post.parent).length,
    conversations: ordered.length,
    threadsOf3: ordered.filter((conversation) => conversation.length >= 3).length,
    boosts: corpus.boosts.length / 3,
    favourites: corpus.favourites.length / 2,
    showingToDemo: fifths,
    showingInLast8Percent: `${showingIn(last, circle)} of ${last.length}`,
    bytes,
  });
}

const input = process.argv[2];
if (input) main(input);
else {
  console.error("usage: node scripts/make-demo-data.ts path/to/irc-posts.jsonl.gz");
  process.exitCode = 64;
}
