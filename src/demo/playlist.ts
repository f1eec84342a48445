/** What the replay plays, in order: first what the load kept back, then the corpus again and again. */
import { seededRandom } from "../core/random.ts";
import type { Corpus, CorpusPost } from "./corpus.ts";
import type { Schedule } from "./schedule.ts";

export interface Part {
  readonly conversation: readonly CorpusPost[];
  /** Posts before this one were loaded. */
  readonly from: number;
}

const LIVELY_CHANCE = 0.85;

/**
 * One round, the same whenever it is asked for. Most conversations are ones that the demo user sees something
 * of; when these are used up, the round is over.
 */
export function playlistOf(corpus: Corpus, schedule: Schedule, round: number): Part[] {
  const random = seededRandom(round + 1);
  const parts = corpus.conversations.map((conversation) => ({ conversation, from: 0 }));
  const candidates =
    round === 0
      ? schedule.keptBack.map(({ conversation, from }) => ({
          conversation: parts[conversation]?.conversation ?? [],
          from,
        }))
      : random.shuffle(parts);
  const circle = new Set(corpus.demo.follows);
  // Under way when the demo was loaded; the rest of those that the demo user doesn't see is left unsaid.
  const underWay = candidates.filter((part) => part.from > 0 && isLively(part.conversation, circle));
  const lively = candidates.filter((part) => part.from === 0 && isLively(part.conversation, circle));
  const others = candidates.filter((part) => part.from === 0 && !isLively(part.conversation, circle));
  const playlist: Part[] = underWay;
  lively.reverse();
  others.reverse();
  while (lively.length > 0) {
    const next = random.chance(LIVELY_CHANCE) ? lively.pop() : (others.pop() ?? lively.pop());
    if (next) playlist.push(next);
  }
  return playlist;
}

/** Whether the demo user sees it begin. */
function isLively([root]: readonly CorpusPost[], circle: ReadonlySet<number>): boolean {
  return root !== undefined && circle.has(root[0]);
}
