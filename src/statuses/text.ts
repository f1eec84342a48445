/** A post's text: checked, counted, searched for mentions and hashtags, and turned into HTML. */
import sanitizeHtml from "sanitize-html";
import { Invalid } from "../core/errors.ts";
import type { AccountId } from "../core/ids.ts";
import { tagKey, tagPath } from "./text/tags.ts";
import { ASCII, type Token, tokenize } from "./text/tokens.ts";

export interface ParsedText {
  /** Lower-case usernames, unique, in order. */
  readonly mentions: string[];
  /** Hashtags as written, without #, unique by key, in order. */
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

const URL_SHOWN_CHARACTERS = 30;
/** Unicode's Stream-Safe Text Format (UAX #15): no word of any language needs more on one letter. */
const MARKS_MAX = 30;

const MARKS_TOO_MANY = new RegExp(`(\\p{M}{${MARKS_MAX}})\\p{M}+`, "gu");
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
const CONTROLS = /[\u0001-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;
/** What shows nothing: spaces of any kind, signs that only steer how others show, and the empty Braille pattern. */
const BLANK = /^[\p{White_Space}\p{Default_Ignorable_Code_Point}\u2800\ufff9-\ufffb]*$/u;

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

/** Whether a reader would see nothing. */
export function isBlank(text: string): boolean {
  return BLANK.test(text);
}

export function parseText(text: string, ownHost: string): ParsedText {
  const mentions = new Set<string>();
  const tags = new Map<string, string>();
  for (const token of tokenize(text)) {
    if (token.kind === "mention" && isOwn(token.host, ownHost)) mentions.add(token.username);
    if (token.kind === "tag") {
      const key = tagKey(token.name);
      if (!tags.has(key)) tags.set(key, token.name);
    }
  }
  return { mentions: [...mentions], tags: [...tags.values()] };
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
  const tokens = tokenize(text);
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

const LINKED_SCHEMES = "http https gemini gopher ipfs ipns dat dweb ssb xmpp magnet".split(" ");

const ALLOWED: sanitizeHtml.IOptions = {
  allowedTags: ["p", "br", "a", "span"],
  allowedAttributes: {
    a: ["href", "rel", "target", "class", "translate"],
    span: ["class", "translate"],
  },
  allowedClasses: { a: ["u-url", "mention", "hashtag"], span: ["h-card", "invisible", "ellipsis"] },
  allowedSchemes: LINKED_SCHEMES,
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
      const href = escapeHtml(`${baseUrl}${tagPath(token.name)}`);
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

/** Shows the start of the address; the scheme of the web and the rest are there, hidden, for who copies it. */
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
