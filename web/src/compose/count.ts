/** The length of a post as the server counts it: by the server's own rules of what is a link, a mention, a character. */
import { countCharacters } from "../../../src/statuses/text/tokens.ts";

export function lengthOf(text: string, options: { warning: string; charactersPerUrl: number }): number {
  return shownPart(text, options) + shownPart(options.warning, options);
}

/** White space around a text isn't kept. */
function shownPart(text: string, { charactersPerUrl }: { charactersPerUrl: number }): number {
  return countCharacters(text.trimEnd().replace(/^[ \t\n]+/, ""), charactersPerUrl);
}
