/** The length of a post as the server counts it: graphemes, links at a fixed price, no hosts of mentions. */
const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });
const LINK = /https?:\/\/[^\s<>"]+/gi;
const REMOTE_MENTION = /(^|[^\w/@])@(\w[\w.-]*)@[\w.-]+\w/g;

export function lengthOf(text: string, options: { warning: string; charactersPerUrl: number }): number {
  const counted = text.replace(LINK, "x".repeat(options.charactersPerUrl)).replace(REMOTE_MENTION, "$1@$2");
  return graphemes(counted) + graphemes(options.warning);
}

function graphemes(text: string): number {
  let count = 0;
  for (const _ of segmenter.segment(text)) count++;
  return count;
}
