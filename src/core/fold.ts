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

/** Letters that people who search write otherwise than people who post. */
const SEARCHED_LETTERS: Readonly<Record<string, string>> = {
  ß: "ss",
  æ: "ae",
  œ: "oe",
  þ: "th",
  ё: "е",
  ς: "σ",
  // Arabic: alef with its hamzas, final ya, and ta marbuta.
  أ: "ا",
  إ: "ا",
  آ: "ا",
  ٱ: "ا",
  ى: "ي",
  ة: "ه",
  "’": "'",
  "‘": "'",
  ʼ: "'",
};
const SEARCHED_LETTER = new RegExp(`[${Object.keys(SEARCHED_LETTERS).join("")}]`, "g");
/** What shows nothing by itself: joiners, marks of direction, soft hyphens, variation selectors; the Arabic tatweel. */
const UNSEEN = /[\p{Default_Ignorable_Code_Point}\u0640]/gu;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII is meant
const ASCII = /^[\u0000-\u007f]*$/;

/**
 * The form in which texts and what is searched for are compared. As `foldLatin`, and more that a keyboard or a habit
 * leaves out: Greek accents, Arabic and Hebrew vowel marks, ё, ß, curly apostrophes.
 */
export function foldForSearch(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  return foldLatin(text.replace(UNSEEN, ""))
    .normalize("NFD")
    .replace(/(?<=[\p{Script=Greek}\p{Script=Hebrew}]\p{M}*)\p{M}|[\u064b-\u065f\u0670]/gu, "")
    .normalize("NFC")
    .replace(SEARCHED_LETTER, (letter) => SEARCHED_LETTERS[letter] ?? letter);
}
