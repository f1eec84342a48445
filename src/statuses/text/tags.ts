/** The names of hashtags: one key for each tag, however it was typed. */
import { foldLatin } from "../../core/fold.ts";

/** Some signs stand for many letters; an index has no room for names of any length. */
const KEY_LENGTH_MAX = 200;

/** What a tag is stored and compared by. What was typed is what shows. */
export function tagKey(name: string): string {
  const key = foldLatin(name.slice(0, KEY_LENGTH_MAX).toWellFormed());
  return key.slice(0, KEY_LENGTH_MAX).replace(/[\ud800-\udbff]$/, "");
}

/**
 * The keys to look for when somebody asks for a tag, with or without its sign. Posts that `retag.ts` hasn't come to
 * yet, or that a version before has written, have the name in lower case as their key.
 */
export function tagKeysAsked(tag: string): string[] {
  const name = tag
    .replace(/^[#＃]/, "")
    .replaceAll("\0", "")
    .slice(0, KEY_LENGTH_MAX);
  return [...new Set([tagKey(name), name.normalize("NFC").toLowerCase()])];
}

/** In a tag's address: as typed, so that its page has that name. The server folds what it is asked for. */
export function tagPath(name: string): string {
  return `/tags/${encodeURIComponent(name.toLowerCase())}`;
}
