const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** The beginning of a text, up to the end of a word. */
export function shortened(text: string, maxCharacters: number): string {
  const characters = [...graphemes.segment(text.replace(/\s+/g, " ").trim())].map(({ segment }) => segment);
  if (characters.length <= maxCharacters) return characters.join("");
  const start = characters.slice(0, maxCharacters).join("");
  const atWord = start.replace(/\s+\S*$/, "");
  // Languages without spaces, and long addresses, have no such end.
  return `${atWord.length > start.length / 2 ? atWord : start}…`;
}
