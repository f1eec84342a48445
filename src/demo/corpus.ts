/** What the demo ships with: people, what they said, and who listens to whom. Made by `scripts/make-demo-data.ts`. */
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";
import { invariant } from "../core/errors.ts";

/** Accounts are named by their place in `accounts`, posts by theirs when all conversations are laid end to end. */
export interface Corpus {
  readonly format: typeof CORPUS_FORMAT;
  readonly accounts: readonly CorpusAccount[];
  /** For each account whom it follows, ascending; each but the first as the distance from the one before. */
  readonly follows: readonly (readonly number[])[];
  /** In the order they are to begin in. */
  readonly conversations: readonly (readonly CorpusPost[])[];
  /** Triples laid end to end: distance of the post from the last one's, who boosted, after how many seconds. */
  readonly boosts: readonly number[];
  /** The same for favourites, without the time. */
  readonly favourites: readonly number[];
  /** Whom the demo user follows, and who follows the demo user. */
  readonly demo: { readonly follows: readonly number[]; readonly followers: readonly number[] };
}

type CorpusAccount = readonly [username: string, displayName: string, bio: string];

export type CorpusPost = readonly [
  author: number,
  /** How many posts earlier in the conversation the one it answers is; 0 for none. */
  answers: number,
  /** Seconds since the post before it in the conversation. */
  gapS: number,
  text: string,
];

export const CORPUS_FORMAT = 1;
const CORPUS_FILE = new URL("../../demo/corpus.json.br", import.meta.url);

export async function readCorpus(): Promise<Corpus> {
  const packed = await readFile(CORPUS_FILE);
  const corpus = JSON.parse((await promisify(brotliDecompress)(packed)).toString("utf8")) as Corpus;
  invariant(corpus.format === CORPUS_FORMAT, "the demo's data is of another version than its reader");
  return corpus;
}
