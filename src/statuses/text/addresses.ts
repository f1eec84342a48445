/**
 * Where an address that stands in a text ends. The rules go by Unicode's properties, so they hold for every script.
 * The web client counts by them, too.
 *
 * A mark stays inside when the address goes on behind it ("L’Équipe", "Israeli–Palestinian"), and is left out at the
 * end. Clause marks of Chinese and Japanese end an address, since those languages put no space behind them. So do
 * closing brackets and quotes, unless the opening one is inside.
 */

const LENGTH_MAX = 2_048;

const WITH_HOST = /(?:https?|gemini|gopher|ipfs|ipns|dat|dweb|ssb):\/\//iy;
const XMPP = /xmpp:(?=\S)/iy;
const MAGNET = /magnet:(?=\?[^\s])/iy;

/** Letters and digits of any script, and emoji: symbols, and what changes the one before. */
const INNER = "\\p{L}\\p{M}\\p{N}\\p{So}\\p{Emoji_Modifier}";
/** Hyphens, underscores, middle dots and joiners stand inside a part of a name only. */
const LABEL = `[\\p{L}\\p{N}\\p{So}](?:[${INNER}_·・\\u200c\\u200d-]*[${INNER}])?`;
const HOST = new RegExp(`\\[[\\da-f:.]+\\]|${LABEL}(?:\\.${LABEL})*`, "iuy");
const PORT = /:\d{1,5}(?!\d)/y;
/**
 * Behind a host, signs of what is no address: a name before the host, which is never needed and made to look like
 * another host; a backslash, which browsers take for a slash; and parts that no name can have.
 */
const NO_HOST = /[\p{L}\p{M}\p{N}._~%!$&'()*+;=:-]*@|[\\_]|:\/\/|-+\.[\p{L}\p{N}]|\.[-_]/uy;
/** A last part begins with Latin letters and goes on in another script, as in "https://example.comです". */
const LATIN_THEN_OTHER = /^[a-z]{2,}(?![a-z\d_\p{sc=Latin}-])/iu;
const JID_LOCAL = /[\p{L}\p{M}\p{N}._~!$&*+;=%-]+@/uy;

/** What stands inside addresses only, in ASCII: passed over at once. */
const PLAIN = /[\w/.~=+%#?&@!*$'|^`\\:-]+/y;
/** White space, clause marks, and what shows nothing or turns the direction: the address would not be what it shows. */
const END =
  /[\p{White_Space}\p{Cc}<>"、。！，．：；？｡､\ufe10-\ufe16\ufe50-\ufe57]|(?!\u200c|\u200d|[\u{e0020}-\u{e007f}])\p{Cf}/u;
/** Several addresses, with no space between them. */
const NEXT_ADDRESS = /[,;]https?:\/\//iy;
/** At the end of an address these belong to the sentence. */
const LAST_MARK = /(?![-/#׳་])[\p{Pd}\p{Po}~$|^`\u200c]/u;
/** Between letters the closing quote is an apostrophe; East Asian scripts have none. */
const APOSTROPHE = /’(?![\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Hangul}])\p{L}/uy;

const CLOSING = /[\p{Pe}\p{Pf}]/u;
/** Quotes open in one language and close in another: one that stays open was a closing one, and ends the address. */
const CLOSED_BY: ReadonlyMap<string, string> = new Map(
  (
    "( ) [ ] { } （ ） ［ ］ ｛ ｝ ｟ ｠ ｢ ｣ 〈 〉 《 》 「 」 『 』 【 】 〔 〕 〖 〗 〘 〙 〚 〛 ⟨ ⟩ " +
    "“ ” ‘ ’ „ “” ‚ ‘’ « » » « ‹ › › ‹ ” ”"
  )
    .split(" ")
    .flatMap((sign, i, all) => (i % 2 === 0 ? [[sign, all[i + 1] ?? ""] as const] : [])),
);

/** The end of the address that begins here; `isLink` is false for one that is too long. Null: there is none. */
export function addressAt(text: string, index: number): { end: number; isLink: boolean } | null {
  const end = endOf(text, index);
  return end === null ? null : { end, isLink: end - index <= LENGTH_MAX };
}

function endOf(text: string, index: number): number | null {
  const magnet = endOfMatch(MAGNET, text, index);
  if (magnet !== null) return endOfRest(text, magnet);
  const xmpp = endOfMatch(XMPP, text, index);
  if (xmpp !== null) return endOfJid(text, xmpp);
  const scheme = endOfMatch(WITH_HOST, text, index);
  return scheme === null ? null : endFromHost(text, scheme);
}

function endOfJid(text: string, index: number): number | null {
  const host = endOfMatch(JID_LOCAL, text, index) ?? index;
  const end = endFromHost(text, host);
  // "xmpp:later" is a word with a colon.
  return end !== null && (host > index || text.slice(host, end).includes(".")) ? end : null;
}

function endFromHost(text: string, index: number): number | null {
  const whole = endOfMatch(HOST, text, index);
  if (whole === null) return null;
  const end = endOfName(text.slice(index, whole));
  if (end === null) return null;
  if (index + end < whole) return index + end;
  if (endOfMatch(NO_HOST, text, whole) !== null) return null;
  const withPort = endOfMatch(PORT, text, whole) ?? whole;
  return /[/?#]/.test(text.charAt(withPort)) ? endOfRest(text, withPort) : withPort;
}

/** How much of it is a name. An underscore may stand in it, but not where names are registered. */
function endOfName(host: string): number | null {
  if (host.startsWith("[")) return host.length;
  const labels = host.split(".");
  const last = labels.at(-1) ?? "";
  const latin = LATIN_THEN_OTHER.exec(last)?.[0] ?? last;
  const isNameWithHyphen = labels.length === 1 || /^xn--/i.test(latin) || !latin.includes("-");
  const kept = isNameWithHyphen ? latin : latin.slice(0, latin.indexOf("-"));
  if (kept.includes("_") || (labels.at(-2) ?? "").includes("_")) return null;
  return host.length - last.length + kept.length;
}

/** Of path, query and fragment alike. */
function endOfRest(text: string, index: number): number {
  const open: { readonly at: number; readonly closedBy: string }[] = [];
  let at = index;
  while (at < text.length) {
    at = endOfMatch(PLAIN, text, at) ?? at;
    const sign = String.fromCodePoint(text.codePointAt(at) ?? 0x20);
    if (END.test(sign) || endOfMatch(NEXT_ADDRESS, text, at) !== null) break;
    const closedBy = CLOSED_BY.get(sign);
    if (open.at(-1)?.closedBy.includes(sign)) open.pop();
    else if (closedBy !== undefined) open.push({ at, closedBy });
    else if (CLOSING.test(sign) && endOfMatch(APOSTROPHE, text, at) === null) break;
    at += sign.length;
  }
  let end = open[0]?.at ?? at;
  while (end > index && LAST_MARK.test(text.charAt(end - 1))) end--;
  return end;
}

function endOfMatch(sticky: RegExp, text: string, index: number): number | null {
  sticky.lastIndex = index;
  return sticky.test(text) ? sticky.lastIndex : null;
}
