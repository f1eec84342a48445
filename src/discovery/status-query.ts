/** What people type to find posts: words, "phrases", and conditions such as `from:ada`, `has:media` or `-word`. */
import { type AccountId, descending, idAtMs, MAX_ID, timeOfIdMs } from "../core/ids.ts";
import { hasPhrase, type Phrase, phraseOf, phraseText, quoted, type Words } from "./words.ts";

export interface StatusQuery {
  readonly phrases: readonly Negatable<{ phrase: Phrase }>[];
  readonly marks: readonly Negatable<{ mark: string }>[];
  /** Handles, as they were typed; "me" is the viewer. */
  readonly from: readonly Negatable<{ name: string }>[];
  /** Ids from this one on, up to but without that one: an id says when it was posted. */
  readonly range: IdRange;
}

export interface IdRange {
  readonly from: bigint;
  readonly below: bigint;
}

/** The same, with accounts instead of handles, and only what this viewer may find. */
export interface StatusCondition {
  readonly phrases: StatusQuery["phrases"];
  readonly marks: StatusQuery["marks"];
  readonly viewerId: AccountId;
}

type Negatable<T> = Readonly<T> & { readonly isNegated: boolean };

/** What a post is, beside its words. No text has such a word: signs are words by themselves. */
export const MARKS = {
  public: "=public",
  from: (id: AccountId) => `=from:${id}`,
  has: (what: string) => `=has:${what}`,
  is: (what: string) => `=is:${what}`,
  language: (code: string) => `=language:${code}`,
} as const;

const TERMS_MOST = 32;
const HAS = new Set(["media", "image", "video", "audio", "link", "poll"]);
const IS = new Set(["reply", "sensitive"]);

/** Null when nothing is asked for. What is no condition that exists, such as `foo:bar`, is words. */
export function parseStatusQuery(text: string): StatusQuery | null {
  const terms = text
    .replace(/[“”„‟«»＂]/g, '"')
    .matchAll(/([-+]?)(?:([a-z]+):(?=[^\s"]))?(?:"([^"]*)"?|(\S+))/giu);
  const query = { phrases: [], marks: [], from: [] } as {
    -readonly [Part in "phrases" | "marks" | "from"]: StatusQuery[Part][number][];
  };
  let range: IdRange = { from: 0n, below: MAX_ID };
  let isAsked = false;
  for (const [whole, sign, operator, quotedText, word] of [...terms].slice(0, TERMS_MOST)) {
    const isNegated = sign === "-";
    if (operator !== undefined && word !== undefined) {
      const value = word.toLowerCase();
      const mark = markOf(operator.toLowerCase(), value);
      const dates = rangeOf(operator.toLowerCase(), value, isNegated);
      const isFrom = operator.toLowerCase() === "from" && /^@?\w+(?:@\S+)?$/.test(value);
      if (mark !== null && mark !== "") query.marks.push({ mark, isNegated });
      if (isFrom) query.from.push({ name: value, isNegated });
      if (dates) range = common(range, dates);
      if (mark !== null || isFrom || dates) {
        isAsked = true;
        continue;
      }
    }
    const phrase =
      quotedText === undefined ? phraseOf(whole.replace(/^[-+]/, "")) : phraseOf(quotedText, true);
    if (phrase) {
      query.phrases.push({ phrase, isNegated });
      isAsked = true;
    }
  }
  return isAsked ? { ...query, range } : null;
}

/** "" asks for what holds for all. */
function markOf(operator: string, value: string): string | null {
  if (operator === "has" && HAS.has(value)) return MARKS.has(value);
  // A link is what previews are made of.
  if (operator === "has" && value === "embed") return MARKS.has("link");
  if (operator === "is" && IS.has(value)) return MARKS.is(value);
  if (operator === "language" && /^[a-z]{2,3}(?:-[a-z0-9]+)*$/.test(value)) return MARKS.language(value);
  if (operator === "in" && value === "public") return MARKS.public;
  return operator === "in" && value === "all" ? "" : null;
}

/** Of a year, a month or a day, in UTC. */
function rangeOf(operator: string, value: string, isNegated: boolean): IdRange | null {
  const match = /^(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?$/.exec(value);
  if (!match) return null;
  const [year, month, day] = [Number(match[1]), Number(match[2] ?? 1), Number(match[3] ?? 1)];
  const start = new Date(Date.UTC(year, month - 1, day));
  if (start.getUTCMonth() !== month - 1 || start.getUTCDate() !== day) return null;
  const end = match[3]
    ? Date.UTC(year, month - 1, day + 1)
    : match[2]
      ? Date.UTC(year, month, 1)
      : Date.UTC(year + 1, 0, 1);
  const [from, below] = [idAt(start.getTime()), idAt(end)];
  const until = { from: 0n, below: from };
  const since = { from, below: MAX_ID };
  if (operator === "before") return isNegated ? since : until;
  if (operator === "after") return isNegated ? { from: 0n, below } : { from: below, below: MAX_ID };
  return operator === "during" && !isNegated ? { from, below } : null;
}

function idAt(ms: number): bigint {
  return ms < timeOfIdMs(MAX_ID) ? idAtMs(ms) : MAX_ID;
}

export function common(a: IdRange, b: IdRange): IdRange {
  const [, from = 0n] = [a.from, b.from].sort(ascending);
  const [below = 0n] = [a.below, b.below].sort(ascending);
  return { from, below };
}

const ascending = (a: bigint, b: bigint) => -descending(a, b);

/** As PostgreSQL's text form of a `tsquery`. */
export function conditionText({ phrases, marks, viewerId }: StatusCondition): string {
  const negatable = (isNegated: boolean, text: string) => `${isNegated ? "!" : ""}${text}`;
  return [
    ...phrases.map(({ phrase, isNegated }) => negatable(isNegated, phraseText(phrase))),
    ...marks.map(({ mark, isNegated }) => negatable(isNegated, quoted(mark))),
    // Whatever isn't public is found by its author alone.
    `(${quoted(MARKS.public)} | ${quoted(MARKS.from(viewerId))})`,
  ].join(" & ");
}

/** As PostgreSQL would decide it. */
export function meets(words: Words, { phrases, marks, viewerId }: StatusCondition): boolean {
  return (
    phrases.every(({ phrase, isNegated }) => hasPhrase(words, phrase) !== isNegated) &&
    marks.every(({ mark, isNegated }) => words.has(mark) !== isNegated) &&
    (words.has(MARKS.public) || words.has(MARKS.from(viewerId)))
  );
}
