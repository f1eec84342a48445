/** The corpus as it is, and lines of one breath joined into posts. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

/** One line of chat, or several that one author wrote in one breath. */
export interface ChatPost {
  readonly author: number;
  readonly atS: number;
  /** Place in the corpus, in lines. */
  readonly line: number;
  /** Lines it answers, as annotated. */
  readonly answersLine: number | null;
  /** Whom it is addressed to by its first word. */
  readonly addressee: number | null;
  /** Without the addressee; other mentions as @u123. */
  text: string;
  /** Lines that became this post. */
  readonly lines: number[];
}

interface Line {
  id: number;
  u: number;
  t: string;
  text: string;
  re?: number;
  me?: number;
}

/** Both announce that they are robots. */
const BOTS = new Set([26133, 20003]);
const MAX_JOINED_LINES = 3;
const MAX_JOINED_CHARACTERS = 280;
const JOIN_WITHIN_S = 60;
const JOIN_WITHIN_LINES = 4;

export function readChat(path: string): ChatPost[] {
  const posts: ChatPost[] = [];
  const latestOf = new Map<number, ChatPost>();
  const rows = gunzipSync(readFileSync(path)).toString("utf8").trimEnd().split("\n");
  rows.forEach((row) => {
    const line = JSON.parse(row) as Line;
    if (line.me || BOTS.has(line.u)) return;
    const [, addressee, rest] = /^@u(\d+)\b\s*[:,;>-]*\s*(?:@u\1\b[\s:,;]*)?(.*)$/s.exec(line.text) ?? [
      null,
      null,
      line.text,
    ];
    const post: ChatPost = {
      author: line.u,
      atS: Date.parse(line.t) / 1000,
      line: line.id,
      answersLine: line.re ?? null,
      addressee: addressee ? Number(addressee) : null,
      text: tidy(rest ?? ""),
      lines: [line.id],
    };
    const previous = latestOf.get(post.author);
    if (previous && isSameBreath(previous, post)) {
      previous.text = `${previous.text}\n${post.text}`;
      previous.lines.push(post.line);
      return;
    }
    posts.push(post);
    latestOf.set(post.author, post);
  });
  return posts;
}

/** White space once, and no rows of the same mark. */
function tidy(text: string): string {
  return text
    .replace(/\s+/g, " ")
    .replace(/\.{3,}|(?<=\w)\.\.(?=\s|$)/g, "…")
    .replace(/([!?,])\1{1,}/g, "$1")
    .trim();
}

function isSameBreath(previous: ChatPost, next: ChatPost): boolean {
  const lastLine = previous.lines.at(-1) ?? previous.line;
  const continues =
    next.answersLine === null ||
    previous.lines.includes(next.answersLine) ||
    next.answersLine === previous.answersLine;
  return (
    continues &&
    (next.addressee === null || next.addressee === previous.addressee) &&
    next.atS - previous.atS <= JOIN_WITHIN_S &&
    next.line - lastLine <= JOIN_WITHIN_LINES &&
    previous.lines.length < MAX_JOINED_LINES &&
    previous.text.length + next.text.length < MAX_JOINED_CHARACTERS &&
    next.text !== "" &&
    !previous.text.endsWith(next.text)
  );
}
