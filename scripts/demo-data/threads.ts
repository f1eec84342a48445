/** Who answers whom: as annotated, else as people address each other; then what is fit to be shown. */
import type { ChatPost } from "./chat.ts";
import { isFit, standsAlone } from "./filter.ts";

export interface ThreadPost extends ChatPost {
  parent: ThreadPost | null;
  children: ThreadPost[];
}

/** A tree of posts, oldest first; the first is the root. */
export type Conversation = ThreadPost[];

const ANSWER_WITHIN_S = 20 * 60;
const CONTINUE_WITHIN_S = 4 * 60;
const MENTION_WITHIN_S = 2 * 60 * 60;
const MIN_STATEMENT_CHARACTERS = 60;
const MIN_LAST_CHARACTERS = 11;
const MAX_CONVERSATION_S = 5 * 60 * 60;

/**
 * The annotated answer where there is one. Else a post that begins with a mention answers the latest post of the
 * mentioned, within 20 minutes; one without answers the latest post addressed to its author, or else goes on with whom
 * its author answered last, within 4 minutes.
 */
export function linkAnswers(posts: readonly ChatPost[]): ThreadPost[] {
  const linked: ThreadPost[] = posts.map((post) => ({ ...post, parent: null, children: [] }));
  const byLine = new Map<number, ThreadPost>();
  const latestOf = new Map<number, ThreadPost>();
  const latestTo = new Map<number, ThreadPost>();
  for (const post of linked) {
    post.parent = parentOf(post, { byLine, latestOf, latestTo });
    for (const line of post.lines) byLine.set(line, post);
    latestOf.set(post.author, post);
    const to = post.parent?.author ?? post.addressee;
    if (to !== null && to !== post.author) latestTo.set(to, post);
    // Having spoken, one isn't owed the same answer again.
    latestTo.delete(post.author);
  }
  return linked;
}

interface Heard {
  readonly byLine: ReadonlyMap<number, ThreadPost>;
  readonly latestOf: ReadonlyMap<number, ThreadPost>;
  readonly latestTo: ReadonlyMap<number, ThreadPost>;
}

function parentOf(post: ThreadPost, { byLine, latestOf, latestTo }: Heard): ThreadPost | null {
  const annotated = post.answersLine === null ? undefined : byLine.get(post.answersLine);
  if (annotated) return annotated;
  const addressed = post.addressee === null ? undefined : latestOf.get(post.addressee);
  if (post.addressee !== null) {
    return addressed && post.atS - addressed.atS <= ANSWER_WITHIN_S ? addressed : null;
  }
  const toMe = latestTo.get(post.author);
  if (toMe && post.atS - toMe.atS <= CONTINUE_WITHIN_S) return toMe;
  const mine = latestOf.get(post.author);
  const goesOnWith = mine?.parent && post.atS - mine.atS <= CONTINUE_WITHIN_S ? mine.parent.author : null;
  return goesOnWith === null || goesOnWith === post.author ? null : (latestOf.get(goesOnWith) ?? null);
}

/** The trees of what is fit to be shown; what answers something unfit answers what that answered. */
export function conversationsOf(linked: readonly ThreadPost[]): Conversation[] {
  const lastSpokeS = new Map<number, number>();
  const kept = new Set<ThreadPost>();
  const seenTexts = new Set<string>();
  for (const post of linked) {
    lastSpokeS.set(post.author, post.atS);
    if (!isFit(post.text) || !mentionsArePeople(post, lastSpokeS)) continue;
    // Short answers may repeat; whole sentences that do are pasted.
    const fingerprint = post.text.toLowerCase();
    if (fingerprint.length > 24 && seenTexts.has(fingerprint)) continue;
    seenTexts.add(fingerprint);
    kept.add(post);
  }
  for (const post of kept) {
    while (post.parent && !kept.has(post.parent)) post.parent = post.parent.parent;
  }
  const roots = dropPoorRoots(kept);
  return roots.map(treeOf).filter((tree) => durationS(tree) <= MAX_CONVERSATION_S);
}

/** Roots must say something by themselves; a root that doesn't is dropped and its answers become roots, and so on. */
function dropPoorRoots(kept: ReadonlySet<ThreadPost>): ThreadPost[] {
  for (const post of kept) if (post.parent) post.parent.children.push(post);
  const roots: ThreadPost[] = [];
  const waiting = [...kept].filter((post) => post.parent === null);
  for (let post = waiting.shift(); post; post = waiting.shift()) {
    if (isGoodRoot(post)) roots.push(post);
    else {
      for (const child of post.children) child.parent = null;
      waiting.push(...post.children);
    }
  }
  return roots;
}

function isGoodRoot(post: ThreadPost): boolean {
  if (!standsAlone(post.text)) return false;
  if (post.children.length > 0) return true;
  // Half of a talk whose other half is missing.
  if (post.addressee !== null) return false;
  return post.text.includes("?") || post.text.length >= MIN_STATEMENT_CHARACTERS;
}

function treeOf(root: ThreadPost): Conversation {
  const tree: ThreadPost[] = [root];
  for (const post of tree) tree.push(...post.children.filter((child) => !isNod(child)));
  return tree.sort((a, b) => a.line - b.line);
}

/** "yes", "ok": part of a talk that goes on, else not worth a post. */
function isNod(post: ThreadPost): boolean {
  return post.children.length === 0 && post.text.length < MIN_LAST_CHARACTERS;
}

function durationS(conversation: Conversation): number {
  return (conversation.at(-1)?.atS ?? 0) - (conversation[0]?.atS ?? 0);
}

/** Mentions inside a text are often ordinary words that happen to be somebody's name: only who is around counts. */
function mentionsArePeople(post: ThreadPost, lastSpokeS: ReadonlyMap<number, number>): boolean {
  for (const [, name] of post.text.matchAll(/@(u?\w+)/g)) {
    if (!name || !/^u\d+$/.test(name)) return false;
    const spokeS = lastSpokeS.get(Number(name.slice(1)));
    if (spokeS === undefined || post.atS - spokeS > MENTION_WITHIN_S) return false;
  }
  return true;
}
