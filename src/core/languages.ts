/** Language tags as the API has them: codes of ISO 639, the short ones where there are any, and four of Chinese. */

/** Written in ways too different to be one language to readers; every other region and script is left out. */
const REGIONAL = new Map(["zh-CN", "zh-HK", "zh-TW", "zh-YUE"].map((tag) => [tag.toLowerCase(), tag]));
/** Of ISO 639, and known to Mastodon, but not to ICU. */
const MORE = new Set(["ldn", "zba"]);
/** Longer ones are no tags in use (RFC 5646, 4.4.1). */
const MAX_CHARACTERS = 35;
const TAG = /^([a-z]{2,3})(?:-[a-z0-9]{1,8})*$/;

const names = new Intl.DisplayNames("en", { type: "language", fallback: "none" });
const isLanguage = (code: string) => MORE.has(code) || names.of(code) !== undefined;

/** "en_US" → "en", "zh-tw" → "zh-TW", "eng" → "en"; null for what names no language. */
export function normaliseLanguage(tag: string | null): string | null {
  if (tag === null || tag.length > MAX_CHARACTERS) return null;
  const lower = tag.trim().replaceAll("_", "-").toLowerCase();
  const regional = REGIONAL.get(lower);
  if (regional) return regional;
  const code = TAG.exec(lower)?.[1];
  if (code === undefined || !isLanguage(code)) return null;
  // Codes of two letters stay as they are: ICU would make "fil" of Tagalog's "tl".
  const [canonical = code] = code.length === 2 ? [] : Intl.getCanonicalLocales(code);
  return canonical.length === 2 ? canonical : code;
}
