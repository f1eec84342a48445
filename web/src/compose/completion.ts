/** What is being typed at the cursor that can be completed: a person, a tag, an emoji. Knows no server and no page. */
export interface Completable {
  readonly kind: "account" | "tag" | "emoji";
  /** What was typed after the sign. */
  readonly query: string;
  /** Where the sign stands in the text. */
  readonly from: number;
  /** Where the cursor is. */
  readonly to: number;
}

export interface Completion {
  /** Unique among those offered together. */
  readonly key: string;
  /** What takes the place of what was typed, with the sign. */
  readonly text: string;
}

const MAX_TYPED = 60;
/** A sign counts at the beginning of a word; behind one it belongs to an address or a time of day. */
const SIGN_AND_WORD = /(?<![\p{L}\p{N}\p{M}_/:&])([@#＃:])([\p{L}\p{N}\p{M}_.·\u200c-]*)$/u;
const KINDS = { "@": "account", "#": "tag", "＃": "tag", ":": "emoji" } as const;

/** Null when nothing at the cursor can be completed. One letter is enough; an emoji needs two, or ":)" would be one. */
export function completableAt(text: string, cursor: number): Completable | null {
  const before = text.slice(Math.max(0, cursor - MAX_TYPED), cursor);
  const [typed, sign, query = ""] = SIGN_AND_WORD.exec(before) ?? [];
  if (typed === undefined || sign === undefined) return null;
  const kind = KINDS[sign as keyof typeof KINDS];
  if (query.length < (kind === "emoji" ? 2 : 1)) return null;
  return { kind, query, from: cursor - typed.length, to: cursor };
}

/** The text with the completion in its place and a space behind it, and where the cursor is then. */
export function completed(
  text: string,
  { from, to }: Completable,
  completion: Completion,
): { text: string; cursor: number } {
  const after = text.slice(to);
  const space = /^\s/.test(after) ? "" : " ";
  return {
    text: `${text.slice(0, from)}${completion.text}${space}${after}`,
    cursor: from + completion.text.length + 1,
  };
}

/** Emoji whose names begin so, then those a keyword of which does; names are words joined by "_". */
export function emojiFor(
  query: string,
  emoji: Readonly<Record<string, readonly string[]>>,
  limit: number,
): { emoji: string; name: string }[] {
  const wanted = query.toLowerCase();
  const found: { emoji: string; name: string; rank: number }[] = [];
  for (const [sign, [name = "", ...keywords]] of Object.entries(emoji)) {
    const rank = name.startsWith(wanted)
      ? 0
      : name.includes(`_${wanted}`)
        ? 1
        : keywords.some((keyword) => keyword.startsWith(wanted))
          ? 2
          : 3;
    if (rank < 3) found.push({ emoji: sign, name, rank });
  }
  return found
    .sort((a, b) => a.rank - b.rank || a.name.length - b.name.length)
    .slice(0, limit)
    .map(({ emoji, name }) => ({ emoji, name }));
}
