/** Puts a status's JSON together from cached bytes: head, account, tail, and the viewer's marks. */
import type { AccountId } from "../core/ids.ts";
import { BOOKMARKED, FAVOURITED, type MarksCache, REBLOGGED } from "./marks.ts";
import type { StatusCache, StatusRecord } from "./records.ts";

const COMMA = Buffer.from(",");
const OPEN = Buffer.from("[");
const CLOSE = Buffer.from("]");
const END = Buffer.from("}");
const NO_REBLOG = Buffer.from(',"reblog":null');
const REBLOG = Buffer.from(',"reblog":');

/** `,"favourited":…` up to the closing brace, for every combination of marks. */
const MARKS = Array.from({ length: 8 }, (_, marks) =>
  Buffer.from(
    `,"favourited":${(marks & FAVOURITED) !== 0},"reblogged":${(marks & REBLOGGED) !== 0},"muted":false` +
      `,"bookmarked":${(marks & BOOKMARKED) !== 0},"filtered":[]}`,
  ),
);

export interface SpliceContext {
  readonly statuses: StatusCache;
  readonly marks: MarksCache;
}

/** The statuses as one JSON array, in the order given. A boost whose original is gone is left out. */
export async function spliceStatuses(
  context: SpliceContext,
  records: readonly StatusRecord[],
  viewerId: AccountId | null,
): Promise<Buffer> {
  const pieces = await piecesOf(context, records, viewerId);
  const array: Buffer[] = [OPEN];
  pieces.forEach((own, i) => {
    if (i > 0) array.push(COMMA);
    for (const piece of own) array.push(piece);
  });
  array.push(CLOSE);
  return Buffer.concat(array);
}

/** One status's JSON. */
export async function spliceStatus(
  context: SpliceContext,
  record: StatusRecord,
  viewerId: AccountId | null,
): Promise<Buffer> {
  const [pieces] = await piecesOf(context, [record], viewerId);
  return Buffer.concat(pieces ?? []);
}

async function piecesOf(
  { statuses, marks }: SpliceContext,
  records: readonly StatusRecord[],
  viewerId: AccountId | null,
): Promise<Buffer[][]> {
  const shown = records.map((record) => record.facts.reblogOfId ?? record.facts.id);
  // A status that is no boost shows itself.
  const originals = await statuses.getAll(shown);
  const authors = await statuses.profiles.getAll(records.map((record) => record.facts.authorId));
  const originalAuthors = await statuses.profiles.getAll(
    originals.map((original, i) => (original ?? (records[i] as StatusRecord)).facts.authorId),
  );
  const own = viewerId === null ? null : (marks.peek(viewerId, shown) ?? (await marks.load(viewerId, shown)));
  const pieces: Buffer[][] = [];
  records.forEach((record, i) => {
    const author = authors[i];
    if (!author) return;
    const end = own ? (MARKS[own[i] ?? 0] as Buffer) : END;
    const wrapper = statuses.render(record, author.username);
    if (record.facts.reblogOfId === null) {
      pieces.push([wrapper.head, author.json, wrapper.tail, NO_REBLOG, end]);
      return;
    }
    const original = originals[i];
    const originalAuthor = originalAuthors[i];
    if (!original || !originalAuthor) return;
    const inner = statuses.render(original, originalAuthor.username);
    const boosted = [inner.head, originalAuthor.json, inner.tail, NO_REBLOG, end];
    // The wrapper shows the counts of what it boosts.
    pieces.push([wrapper.head, author.json, inner.tail, REBLOG, ...boosted, end]);
  });
  return pieces;
}
