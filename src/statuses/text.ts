/** A post's text: checked, counted, searched for mentions and hashtags, and turned into HTML. */
import { LinkifyIt } from "linkify-it";
import sanitizeHtml from "sanitize-html";
import { Invalid } from "../core/errors.ts";
import type { AccountId } from "../core/ids.ts";

export interface ParsedText {
  /** Lower-case usernames, unique, in order. */
  readonly mentions: string[];
  /** Hashtags as written, without #, unique by lower case, in order. */
  readonly tags: string[];
}

export interface MentionTarget {
  readonly id: AccountId;
  readonly username: string;
  /** Absolute. */
  readonly url: string;
}

export interface RenderContext {
  /** By lower-case username. */
  readonly mentions: ReadonlyMap<string, MentionTarget>;
  readonly ownHost: string;
  readonly baseUrl: string;
}

/** `text` is what was written, whole; the texts of all tokens, joined, are the input. */
type Token =
  | { readonly kind: "text" | "url"; readonly text: string }
  | {
      readonly kind: "mention";
      readonly text: string;
      readonly username: string;
      readonly host: string | null;
    }
  | { readonly kind: "tag"; readonly text: string; readonly name: string };

const URL_CHARACTERS = 23;
const URL_SHOWN_CHARACTERS = 30;
const URL_LENGTH_MAX = 2_048;
const TAG_LENGTH_MAX = 200;
/** More than any post that is accepted can have; what follows stays text. */
const TOKENS_MAX = 1_000;
/** Unicode's Stream-Safe Text Format (UAX #15): no word of any language needs more on one letter. */
const MARKS_MAX = 30;

const links = new LinkifyIt({ urlAuth: true, maxLength: URL_LENGTH_MAX });
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/**
 * Where a token may begin. Scanned once from left to right, each token taking its characters with it, so nothing is
 * found inside an address. Kana and Han may stand right before a link: those languages don't put spaces there.
 */
const CANDIDATE =
  /(?<![\p{Script=Latin}\p{N}_@＠$#＃])https?:(?=\/\/)|(?<![\p{L}\p{M}\p{N}_=/@])@(?=[a-z0-9_])|(?<![\p{L}\p{M}\p{N}_=/)&])[#＃](?=[\p{L}\p{M}\p{N}\p{Pc}])/giu;
const USERNAME = /[a-z0-9_]+(?:[.-]+[a-z0-9_]+)*/iy;
const HOST = /@([\p{L}\p{M}\p{N}_]+(?:[.-]+[\p{L}\p{M}\p{N}_]+)*(?::\d{1,5})?)/uy;
/** Where a name written in Latin letters can't end. Right before kana it can: "@aliceさん". */
const NAME_GOES_ON = /[\p{Script=Latin}\p{M}\p{N}_@]/uy;
/** Middle dots and the zero-width non-joiner stand inside words, never at their ends. */
const TAG_NAME = /[\p{L}\p{M}\p{N}\p{Pc}](?:[·・\u200c]*[\p{L}\p{M}\p{N}\p{Pc}])*/uy;
const HAS_LETTER = /[\p{L}\p{M}]/u;
const MARKS_TOO_MANY = new RegExp(`(\\p{M}{${MARKS_MAX}})\\p{M}+`, "gu");
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
const CONTROLS = /[\u0001-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII is meant
const ASCII = /^[\u0000-\u007f]*$/;

/**
 * CRLF becomes LF, composed characters are composed (NFC), control characters that show nothing go. Throws Invalid for
 * NUL and lone surrogates: they aren't text, and PostgreSQL can't keep them.
 *
 * Marks beyond 30 on one letter go too, before composing: putting n marks in order takes n² steps, so a megabyte of
 * accents would stop the server for minutes. Marks of direction stay: Arabic and Hebrew posts need them, and a
 * paragraph's end undoes them; only links can't contain them.
 */
export function cleanInput(text: string): string {
  if (text.includes("\0")) throw new Invalid("Text can't contain NUL characters");
  if (!text.isWellFormed()) throw new Invalid("Text must be valid Unicode");
  const shown = text.replace(/\r\n?/g, "\n").replace(CONTROLS, "");
  return ASCII.test(shown) ? shown : shown.replace(MARKS_TOO_MANY, "$1").normalize("NFC");
}

export function parseText(text: string, ownHost: string): ParsedText {
  const mentions = new Set<string>();
  const tags = new Map<string, string>();
  for (const token of tokenize(text)) {
    if (token.kind === "mention" && isOwn(token.host, ownHost)) mentions.add(token.username);
    if (token.kind === "tag") {
      const key = token.name.toLowerCase();
      if (!tags.has(key)) tags.set(key, token.name);
    }
  }
  return { mentions: [...mentions], tags: [...tags.values()] };
}

/** Graphemes; a URL counts 23, and a mention without its host. */
export function countCharacters(text: string): number {
  let count = 0;
  let counted = "";
  for (const token of tokenize(text)) {
    if (token.kind === "url") count += URL_CHARACTERS;
    else counted += token.kind === "mention" ? `@${token.username}` : token.text;
  }
  // Plain ASCII has no grapheme of two code units but CRLF, which cleaning has removed.
  if (ASCII.test(counted)) return count + counted.length;
  for (const _ of graphemes.segment(counted)) count++;
  return count;
}

/** The text as HTML: paragraphs, line breaks, links, mentions of the accounts given, hashtags. */
export function renderContent(text: string, context: RenderContext): string {
  return render(text, context, paragraphsOf);
}

/** As `renderContent`, in one line: the value of a profile's field. */
export function renderField(text: string, context: RenderContext): string {
  return render(text, context, (html) => html.replace(/\s*\n\s*/g, " ").trim());
}

function render(text: string, context: RenderContext, arrange: (html: string) => string): string {
  const tokens = [...tokenize(text)];
  // Text alone can't become more than what it's arranged to: escaped like this, the gate would change nothing.
  // It's the most common kind of post, and the gate the dearest part of rendering.
  if (tokens.every((token) => token.kind === "text")) return arrange(escapeText(text));
  return sanitize(arrange(tokens.map((token) => renderToken(token, context)).join("")));
}

function paragraphsOf(html: string): string {
  const paragraphs = html
    .split(/\n(?:[ \t]*\n)+/)
    .map((paragraph) => paragraph.replace(/^\n|\n$/g, ""))
    .filter((paragraph) => paragraph !== "")
    .map((paragraph) => `<p>${paragraph.replaceAll("\n", "<br />")}</p>`);
  return paragraphs.join("");
}

const ALLOWED: sanitizeHtml.IOptions = {
  allowedTags: ["p", "br", "a", "span"],
  allowedAttributes: {
    a: ["href", "rel", "target", "class", "translate"],
    span: ["class", "translate"],
  },
  allowedClasses: { a: ["u-url", "mention", "hashtag"], span: ["h-card", "invisible", "ellipsis"] },
  allowedSchemes: ["http", "https"],
  allowProtocolRelative: false,
  disallowedTagsMode: "escape",
};

/** The last gate: whatever the steps before did, nothing but these can come out. */
function sanitize(html: string): string {
  return html === "" ? "" : sanitizeHtml(html, ALLOWED);
}

function renderToken(token: Token, { mentions, ownHost, baseUrl }: RenderContext): string {
  switch (token.kind) {
    case "text":
      return escapeHtml(token.text);
    case "url":
      return renderUrl(token.text);
    case "tag": {
      const href = escapeHtml(`${baseUrl}/tags/${encodeURIComponent(token.name.toLowerCase())}`);
      return `<a href="${href}" class="mention hashtag" rel="tag">#<span>${escapeHtml(token.name)}</span></a>`;
    }
    case "mention": {
      const target = isOwn(token.host, ownHost) ? mentions.get(token.username) : undefined;
      if (!target) return escapeHtml(token.text);
      const href = escapeHtml(target.url);
      const name = escapeHtml(target.username);
      return `<span class="h-card" translate="no"><a href="${href}" class="u-url mention">@<span>${name}</span></a></span>`;
    }
  }
}

/** Shows the start of the address; the scheme and the rest are there, hidden, for who copies it. */
function renderUrl(url: string): string {
  const prefix = /^https?:\/\/(?:www\.)?/i.exec(url)?.[0] ?? "";
  const rest = url.slice(prefix.length);
  const shown = rest.slice(0, URL_SHOWN_CHARACTERS).replace(/[\ud800-\udbff]$/, "");
  const hidden = rest.slice(shown.length);
  return (
    `<a href="${escapeHtml(url)}" target="_blank" rel="nofollow noopener" translate="no">` +
    `<span class="invisible">${escapeHtml(prefix)}</span>` +
    `<span${hidden === "" ? "" : ' class="ellipsis"'}>${escapeHtml(shown)}</span>` +
    `<span class="invisible">${escapeHtml(hidden)}</span></a>`
  );
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let from = 0;
  CANDIDATE.lastIndex = 0;
  for (let match = CANDIDATE.exec(text); match && tokens.length < TOKENS_MAX; match = CANDIDATE.exec(text)) {
    const token = tokenAt(text, match.index, match[0]);
    if (!token) continue;
    if (match.index > from) tokens.push({ kind: "text", text: text.slice(from, match.index) });
    tokens.push(token);
    from = match.index + token.text.length;
    CANDIDATE.lastIndex = from;
  }
  if (from < text.length) tokens.push({ kind: "text", text: text.slice(from) });
  return tokens;
}

function tokenAt(text: string, index: number, opening: string): Token | null {
  if (opening === "@") return mentionAt(text, index);
  if (opening === "#" || opening === "＃") return tagAt(text, index);
  return urlAt(text, index, opening);
}

function urlAt(text: string, index: number, scheme: string): Token | null {
  const length = links.testSchemaAt(text, scheme, index + scheme.length);
  if (length === 0) return null;
  // A mark of direction would show the address backwards.
  let url = text.slice(index, index + scheme.length + length).replace(/[\u202a-\u202e\u2066-\u2069].*$/s, "");
  // "https://example.comです": letters of a language without spaces, right after a host written in Latin ones.
  const host =
    /^(https?:\/\/(?:[^/?#.:]+\.)+[a-z]{2,})[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Hangul}][^/?#.:]*(?:[:/?#]|$)/iu;
  url = host.exec(url)?.[1] ?? url;
  // Nothing after the slashes; or a name before the host: made to look like another host, and never needed.
  if (/^https?:\/\/(?:$|[^/?#]*@)/i.test(url)) return null;
  return { kind: "url", text: url };
}

/** Mastodon's grammar. A name here has no dots, but who writes "@alice.example" doesn't mean Alice. */
function mentionAt(text: string, index: number): Token | null {
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
  const name = matchAt(TAG_NAME, text, index + 1)?.[0] ?? "";
  if (name.length > TAG_LENGTH_MAX || !HAS_LETTER.test(name)) return null;
  return { kind: "tag", text: text.slice(index, index + 1 + name.length), name };
}

function matchAt(sticky: RegExp, text: string, index: number): RegExpExecArray | null {
  sticky.lastIndex = index;
  return sticky.exec(text);
}

/** The port may be left out, as people do on their own machine. */
function isOwn(host: string | null, ownHost: string): boolean {
  if (host === null) return true;
  const own = ownHost.toLowerCase();
  return host === own || host === own.replace(/:\d+$/, "");
}

function escapeHtml(text: string): string {
  return escapeText(text).replaceAll('"', "&quot;");
}

/** Not for attributes. */
function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
