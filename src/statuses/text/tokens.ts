/**
 * A text taken apart: addresses, mentions, hashtags, and what is between them; and how many characters it counts. The
 * web client counts with this file, too.
 */
import { addressAt } from "./addresses.ts";

/** `text` is what was written, whole; the texts of all tokens, joined, are the input. */
export type Token =
  | { readonly kind: "text" | "url"; readonly text: string }
  | {
      readonly kind: "mention";
      readonly text: string;
      readonly username: string;
      readonly host: string | null;
    }
  | { readonly kind: "tag"; readonly text: string; readonly name: string };

const URL_CHARACTERS = 23;
const TAG_LENGTH_MAX = 200;
/** More than any post that is accepted can have; what follows stays text. */
const TOKENS_MAX = 1_000;

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** What every token has: an address its colon. Each takes its characters with it: nothing is found in an address. */
const SIGN = /[@#＃:]/g;
const SCHEME = /(?:https?|gemini|gopher|ipfs|ipns|dat|dweb|ssb|xmpp|magnet)$/i;
const SCHEME_LENGTH_MAX = 6;
/** Where an address can't begin. Right behind kana and Han it can: those languages don't put spaces there. */
const NO_ADDRESS_BEHIND = /(?<=[\p{Script=Latin}\p{N}_@＠$#＃])/uy;
const NO_MENTION_BEHIND = /(?<=[_=/@])/y;
const NO_TAG_BEHIND = /(?<=[_=/)&])/y;
/** Inside a word. What makes an emoji of the sign before it, as in "❤️#love", belongs to no word. */
const IN_WORD = /(?<=[\p{L}\p{N}]\p{M}*)(?<![\ufe0f\u20e3])/uy;
const USERNAME = /[a-z0-9_]+(?:[.-]+[a-z0-9_]+)*/iy;
const HOST = /@([\p{L}\p{M}\p{N}_]+(?:[.-]+[\p{L}\p{M}\p{N}_]+)*(?::\d{1,5})?)/uy;
/** Where a name written in Latin letters can't end. Right before kana it can: "@aliceさん". */
const NAME_GOES_ON = /[\p{Script=Latin}\p{M}\p{N}_@]/uy;

/** Without the signs that make emoji. */
const TAG_SIGN = "(?![\\ufe0e\\ufe0f\\u20e3])[\\p{L}\\p{M}\\p{N}\\p{Pc}゛゜]";
/**
 * What stands inside words of some languages, never at their ends: middle dots (Catalan, Japanese), wave dashes and the
 * like (Japanese), maqaf and gershayim (Hebrew), the non-joiner (Persian), joiners (UAX 31).
 */
const TAG_INNER = "[·・〜～゠־״\\u200c\\u200d]";
/** At the end, too: geresh (Hebrew), tsheg (Tibetan), the ditto mark; and a joiner behind a mark, which shapes it. */
const TAG_LAST = "[׳་༌〃]|(?<=\\p{M})\\u200d";
const TAG_NAME = new RegExp(`[\\p{L}\\p{N}\\p{Pc}](?:${TAG_INNER}*(?:${TAG_SIGN})|${TAG_LAST})*`, "uy");
const HAS_LETTER = /\p{L}/u;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII is meant
export const ASCII = /^[\u0000-\u007f]*$/;

/** Graphemes; an address counts 23 unless said otherwise, and a mention without its host. */
export function countCharacters(text: string, urlCharacters = URL_CHARACTERS): number {
  let count = 0;
  let counted = "";
  for (const token of tokenize(text)) {
    if (token.kind === "url") count += urlCharacters;
    else counted += token.kind === "mention" ? `@${token.username}` : token.text;
  }
  // Plain ASCII has no grapheme of two code units but CRLF, which cleaning has removed.
  if (ASCII.test(counted)) return count + counted.length;
  for (const _ of graphemes.segment(counted)) count++;
  return count;
}

export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let from = 0;
  SIGN.lastIndex = 0;
  for (let match = SIGN.exec(text); match && tokens.length < TOKENS_MAX; match = SIGN.exec(text)) {
    const found = tokenAt(text, match.index, from);
    if (!found) continue;
    const { index, token } = found;
    SIGN.lastIndex = index + token.text.length;
    if (token.kind === "text") continue;
    if (index > from) tokens.push({ kind: "text", text: text.slice(from, index) });
    tokens.push(token);
    from = SIGN.lastIndex;
  }
  if (from < text.length) tokens.push({ kind: "text", text: text.slice(from) });
  return tokens;
}

/** Around the sign at `at`, and where it begins; not before `from`, where the token before ends. */
function tokenAt(text: string, at: number, from: number): { index: number; token: Token } | null {
  if (text.charAt(at) === ":") return urlAround(text, at, from);
  const token = text.charAt(at) === "@" ? mentionAt(text, at) : tagAt(text, at);
  return token && { index: at, token };
}

function urlAround(text: string, colon: number, from: number): { index: number; token: Token } | null {
  const scheme = SCHEME.exec(text.slice(Math.max(from, colon - SCHEME_LENGTH_MAX), colon))?.[0];
  if (scheme === undefined) return null;
  const index = colon - scheme.length;
  // A tag leaves an address alone that stands right behind it.
  if (index > from && matchAt(NO_ADDRESS_BEHIND, text, index)) return null;
  const address = addressAt(text, index);
  if (!address) return null;
  return { index, token: { kind: address.isLink ? "url" : "text", text: text.slice(index, address.end) } };
}

/** Mastodon's grammar. A name here has no dots, but who writes "@alice.example" doesn't mean Alice. */
function mentionAt(text: string, index: number): Token | null {
  if (matchAt(NO_MENTION_BEHIND, text, index) || matchAt(IN_WORD, text, index)) return null;
  const username = matchAt(USERNAME, text, index + 1)?.[0];
  if (username === undefined) return null;
  const nameEnd = index + 1 + username.length;
  const host = matchAt(HOST, text, nameEnd);
  const end = nameEnd + (host?.[0].length ?? 0);
  if (!host && matchAt(NAME_GOES_ON, text, end)) return null;
  return {
    kind: "mention",
    text: text.slice(index, end),
    username: username.toLowerCase(),
    host: host?.[1]?.toLowerCase() ?? null,
  };
}

function tagAt(text: string, index: number): Token | null {
  if (matchAt(NO_TAG_BEHIND, text, index) || matchAt(IN_WORD, text, index)) return null;
  const written = matchAt(TAG_NAME, text, index + 1)?.[0] ?? "";
  const isBeforeAddress = text.startsWith("://", index + 1 + written.length);
  const name = isBeforeAddress ? written.replace(/https?$/i, "") : written;
  if (name.length > TAG_LENGTH_MAX || !HAS_LETTER.test(name)) return null;
  return { kind: "tag", text: text.slice(index, index + 1 + name.length), name };
}

function matchAt(sticky: RegExp, text: string, index: number): RegExpExecArray | null {
  sticky.lastIndex = index;
  return sticky.exec(text);
}
