/**
 * Texts as search compares them. A text is taken apart into words with their places, which PostgreSQL keeps and indexes
 * as `tsvector`; what is searched for becomes phrases of such words, which it finds as `tsquery`.
 *
 * In Latin, Cyrillic, Greek, Armenian and Georgian a word is what stands between spaces, and is found by its beginning.
 * Other scripts put no spaces between words, or put articles and endings right beside them, so there any part of a text
 * is found: at each letter begins a "word" of the two or three letters from there on.
 */
import { foldForSearch } from "../core/fold.ts";

/** Words by their text, each with its places. Marks, such as who wrote a post, have none. */
export type Words = Map<string, number[]>;

/** Words that stand one after the other; a phrase of one word is that word. */
export type Phrase = readonly PhraseWord[];

interface PhraseWord {
  readonly text: string;
  /** Also finds longer words that begin so. */
  readonly isBeginning: boolean;
  /** Its distance from the first word. */
  readonly at: number;
}

const WORD_CHARACTERS_MOST = 64;
const WORDS_MOST = 5_000;
/** Between two texts that are searched as one, so that no phrase goes from one to the other. */
const GAP = 50;

/** Letters by how they are taken apart; signs that say something, one by one. Other punctuation only separates. */
const PIECES =
  /((?:[[\p{L}\p{N}]&&[\p{sc=Latn}\p{sc=Cyrl}\p{sc=Grek}\p{sc=Armn}\p{sc=Geor}\p{N}]]\p{M}*)+)|([[\p{L}\p{M}]&&[\p{scx=Hani}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\p{scx=Bopo}]]+)|([[\p{L}\p{M}]--[\p{sc=Latn}\p{sc=Cyrl}\p{sc=Grek}\p{sc=Armn}\p{sc=Geor}\p{scx=Hani}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\p{scx=Bopo}]]+)|([\p{S}#@%\&_])/gv;

interface Piece {
  readonly text: string;
  /** How many letters a "word" has in a script without spaces; 0 for words and signs. */
  readonly window: number;
  readonly isSign: boolean;
}

function piecesOf(text: string): Piece[] {
  return Array.from(foldForSearch(text).matchAll(PIECES), (match) => {
    const [found, spaced, pairs, triples, sign] = match;
    return {
      text: spaced === undefined ? found : shortened(found),
      window: pairs !== undefined ? 2 : triples !== undefined ? 3 : 0,
      isSign: sign !== undefined,
    };
  });
}

function shortened(word: string): string {
  return word.length <= WORD_CHARACTERS_MOST ? word : [...word].slice(0, WORD_CHARACTERS_MOST).join("");
}

export function wordsOf(texts: readonly string[]): Words {
  const words: Words = new Map();
  let at = 0;
  const add = (word: string) => {
    at += 1;
    const places = words.get(word);
    if (places) places.push(at);
    else words.set(word, [at]);
  };
  for (const text of texts) {
    for (const { text: piece, window } of piecesOf(text)) {
      if (at > WORDS_MOST) return words;
      if (window === 0) {
        add(piece);
        continue;
      }
      const letters = [...piece];
      for (let i = 0; i < letters.length; i++) add(letters.slice(i, i + window).join(""));
    }
    at += GAP;
  }
  return words;
}

/** Null for what has no word. `isExact`: the last word isn't only a beginning. */
export function phraseOf(text: string, isExact = false): Phrase | null {
  const phrase: PhraseWord[] = [];
  let at = 0;
  const pieces = piecesOf(text);
  for (const [n, { text: piece, window, isSign }] of pieces.entries()) {
    const letters = window === 0 ? [] : [...piece];
    if (window === 0)
      phrase.push({ text: piece, isBeginning: !isExact && !isSign && n === pieces.length - 1, at });
    // At the end of a text a "word" is shorter.
    else if (letters.length < window) phrase.push({ text: piece, isBeginning: true, at });
    else
      for (let i = 0; i + window <= letters.length; i++)
        phrase.push({ text: letters.slice(i, i + window).join(""), isBeginning: false, at: at + i });
    at += Math.max(1, letters.length);
  }
  return phrase.length === 0 ? null : phrase;
}

/** Whether the phrase is there: as PostgreSQL sees it. */
export function hasPhrase(words: Words, phrase: Phrase): boolean {
  const [first, ...rest] = phrase;
  if (!first) return true;
  const others = rest.map((word) => ({ at: word.at, places: new Set(placesOf(words, word)) }));
  return placesOf(words, first).some((place) => others.every(({ at, places }) => places.has(place + at)));
}

function placesOf(words: Words, { text, isBeginning }: PhraseWord): readonly number[] {
  if (!isBeginning) return words.get(text) ?? [];
  return [...words].flatMap(([word, places]) => (word.startsWith(text) ? places : []));
}

/** PostgreSQL's text form of a `tsvector`. */
export function vectorText(words: Words): string {
  return Array.from(words, ([word, places]) =>
    places.length === 0 ? quoted(word) : `${quoted(word)}:${places.join()}`,
  ).join(" ");
}

/** PostgreSQL's text form of a `tsquery`. */
export function phraseText(phrase: Phrase): string {
  let before = 0;
  const parts = phrase.map(({ text, isBeginning, at }, n) => {
    const operator = n === 0 ? "" : ` <${at - before}> `;
    before = at;
    return `${operator}${quoted(text)}${isBeginning ? ":*" : ""}`;
  });
  return `(${parts.join("")})`;
}

export function quoted(word: string): string {
  return `'${word.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}
