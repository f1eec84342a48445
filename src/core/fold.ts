/** Forms of a text that are compared instead of the text itself. What people typed is what is shown. */

/** Latin letters that Unicode doesn't take apart into a plain letter and a mark. */
const LETTERS: Readonly<Record<string, string>> = {
  ð: "d",
  đ: "d",
  ħ: "h",
  ı: "i",
  ĸ: "k",
  ł: "l",
  ŋ: "n",
  ø: "o",
  ŧ: "t",
};

/**
 * One form for texts that differ in composition, width, case or the accents of Latin letters only: NFKC, lower case,
 * and Latin letters without their marks. Other scripts keep their marks, where a mark often makes another letter (Thai
 * tones, Devanagari vowels, й). ß stays a letter of its own. The result is NFC.
 *
 * Mastodon folds hashtags in the same way (its `HashtagNormalizer`).
 */
export function foldLatin(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .normalize("NFD")
    .replace(/(\p{Script=Latin})\p{M}+/gu, "$1")
    .normalize("NFC")
    .replace(/[ðđħıĸłŋøŧ]/g, (letter) => LETTERS[letter] ?? letter);
}
