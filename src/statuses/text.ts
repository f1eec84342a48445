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
  readonly url: string;
}

export interface RenderContext {
  /** By lower-case username. */
  readonly mentions: ReadonlyMap<string, MentionTarget>;
  readonly ownHost: string;
  readonly baseUrl: string;
}

const URL_CHARACTERS = 23;
const URL_SHOWN_CHARACTERS = 30;

const links = new LinkifyIt({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false })
  .add("ftp:", null)
  .add("//", null)
  .add("mailto:", null);

/** Not in the middle of a word, an address or a path. */
const MENTION = /(?<![\p{L}\p{N}_@/.])@([a-z0-9_]{1,30})(?:@([\p{L}\p{N}.-]{1,253}(?::\d{1,5})?))?(?![\p{L}\p{N}_@])/giu;
const HASHTAG = /(?<![\p{L}\p{N}_&/#])#([\p{L}\p{M}\p{N}_\u00b7\u200c]{1,200})(?![\p{L}\p{N}_#])/gu;
const HAS_LETTER = /[\p{L}\p{M}_]/u;

type Token =
  | { kind: "text"; text: string }
  | { kind: "url"; text: string; url: string }
  | { kind: "mention"; text: string; username: string }
  | { kind: "tag"; text: string; name: string };

/**
 * CRLF becomes LF, composed characters are composed (NFC), control characters that show nothing go. Throws Invalid for
 * NUL and lone surrogates: they aren't text, and PostgreSQL can't keep them.
 */
export function cleanInput(text: string): string {
  if (text.includes("\0")) throw new Invalid("Text can't contain NUL characters");
  if (!text.isWellFormed()) throw new Invalid("Text must be valid Unicode");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
  return text.replace(/\r\n?/g, "\n").replace(/[\u0001-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, "").normalize("NFC");
}

export function parseText(text: string, ownHost: string): ParsedText {
  const mentions = new Set<string>();
  const tags = new Map<string, string>();
  for (const token of tokenize(text, ownHost)) {
    if (token.kind === "mention") mentions.add(token.username);
    if (token.kind === "tag" && !tags.has(token.name.toLowerCase())) tags.set(token.name.toLowerCase(), token.name);
  }
  return { mentions: [...mentions], tags: [...tags.values()] };
}

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Graphemes; a URL counts 23, and a mention without its host. */
export function countCharacters(text: string): number {
  let counted = "";
  let urls = 0;
  for (const token of splitUrls(text)) {
    if (token.kind === "url") urls++;
    else counted += token.text.replace(MENTION, "@$1");
  }
  // Plain ASCII has no grapheme of two code units but CRLF, which cleaning has removed.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII is meant
  if (/^[\u0000-\u007f]*$/.test(counted)) return counted.length + urls * URL_CHARACTERS;
  let count = urls * URL_CHARACTERS;
  for (const _ of graphemes.segment(counted)) count++;
  return count;
}

/** The text as HTML: paragraphs, line breaks, links, mentions of the accounts given, hashtags. */
export function renderContent(text: string, context: RenderContext): string {
  if (text === "") return "";
  const html = tokenize(text, context.ownHost)
    .map((token) => renderToken(token, context))
    .join("");
  const paragraphs = html
    .split(/\n{2,}/)
    .filter((paragraph) => paragraph !== "")
    .map((paragraph) => `<p>${paragraph.replaceAll("\n", "<br />")}</p>`);
  return sanitize(paragraphs.join(""));
}

/** A profile's note or the value of one of its fields. */
export function renderBio(text: string, context: RenderContext): string {
  return renderContent(text, context);
}

/** The last gate: whatever the steps before did, nothing but these can come out. */
function sanitize(html: string): string {
  return sanitizeHtml(html, {
    allowedTags: ["p", "br", "a", "span"],
    allowedAttributes: { a: ["href", "rel", "target", "class", "translate"], span: ["class", "translate"] },
    allowedClasses: {
      a: ["u-url", "mention", "hashtag"],
      span: ["h-card", "invisible", "ellipsis"],
    },
    allowedSchemes: ["http", "https"],
    disallowedTagsMode: "escape",
  });
}

function renderToken(token: Token, { mentions, baseUrl }: RenderContext): string {
  switch (token.kind) {
    case "text":
      return escapeHtml(token.text);
    case "url":
      return renderUrl(token.url, token.text);
    case "tag": {
      const href = escapeHtml(`${baseUrl}/tags/${encodeURIComponent(token.name.toLowerCase())}`);
      return `<a href="${href}" class="mention hashtag" rel="tag">#<span>${escapeHtml(token.name)}</span></a>`;
    }
    case "mention": {
      const target = mentions.get(token.username);
      if (!target) return escapeHtml(token.text);
      const name = escapeHtml(target.username);
      return `<span class="h-card" translate="no"><a href="${escapeHtml(target.url)}" class="u-url mention">@<span>${name}</span></a></span>`;
    }
  }
}

/** Shows the start of the address; the scheme and the rest are there, hidden, for who copies it. */
function renderUrl(url: string, text: string): string {
  const prefix = /^https?:\/\/(www\.)?/i.exec(text)?.[0] ?? "";
  const rest = text.slice(prefix.length);
  const shown = rest.slice(0, URL_SHOWN_CHARACTERS).replace(/[\ud800-\udbff]$/, "");
  const hidden = rest.slice(shown.length);
  return (
    `<a href="${escapeHtml(url)}" target="_blank" rel="nofollow noopener" translate="no">` +
    `<span class="invisible">${escapeHtml(prefix)}</span>` +
    `<span class="${hidden === "" ? "" : "ellipsis"}">${escapeHtml(shown)}</span>` +
    `<span class="invisible">${escapeHtml(hidden)}</span></a>`
  );
}

function tokenize(text: string, ownHost: string): Token[] {
  return splitUrls(text).flatMap((token) => (token.kind === "text" ? splitNames(token.text, ownHost) : [token]));
}

function splitUrls(text: string): Token[] {
  const tokens: Token[] = [];
  let from = 0;
  for (const match of (text.includes("://") && links.match(text)) || []) {
    if (match.index > from) tokens.push({ kind: "text", text: text.slice(from, match.index) });
    tokens.push({ kind: "url", text: match.text, url: match.url });
    from = match.lastIndex;
  }
  if (from < text.length) tokens.push({ kind: "text", text: text.slice(from) });
  return tokens;
}

function splitNames(text: string, ownHost: string): Token[] {
  const found: { index: number; token: Token }[] = [];
  if (text.includes("@")) {
    for (const match of text.matchAll(MENTION)) {
      const [whole, username = "", host] = match;
      if (host !== undefined && trimHost(host).toLowerCase() !== ownHost.toLowerCase()) continue;
      const written = host === undefined ? whole : whole.slice(0, whole.length - (host.length - trimHost(host).length));
      found.push({ index: match.index, token: { kind: "mention", text: written, username: username.toLowerCase() } });
    }
  }
  if (text.includes("#")) {
    for (const match of text.matchAll(HASHTAG)) {
      const name = match[1] ?? "";
      if (HAS_LETTER.test(name)) found.push({ index: match.index, token: { kind: "tag", text: match[0], name } });
    }
  }
  found.sort((a, b) => a.index - b.index);
  const tokens: Token[] = [];
  let from = 0;
  for (const { index, token } of found) {
    if (index < from) continue;
    if (index > from) tokens.push({ kind: "text", text: text.slice(from, index) });
    tokens.push(token);
    from = index + token.text.length;
  }
  if (from < text.length) tokens.push({ kind: "text", text: text.slice(from) });
  return tokens;
}

/** A sentence's full stop isn't the host's. */
function trimHost(host: string): string {
  return host.replace(/[.-]+$/, "");
}

function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
