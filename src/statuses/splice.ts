/** Puts a status's JSON together from cached bytes: the status with its account, and the viewer's marks. */
import type { AccountId } from "../core/ids.ts";
import { BOOKMARKED, FAVOURITED, type MarksCache, REBLOGGED } from "./marks.ts";
import type { StatusCache, StatusRecord } from "./records.ts";

const COMMA = Buffer.from(",");
const OPEN = Buffer.from("[");
const CLOSE = Buffer.from("]");
const END = Buffer.from("}");
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

/** The pieces of one JSON array of statuses, in the order given. A boost whose original is gone is left out. */
export async function spliceStatuses(
  context: SpliceContext,
  records: readonly StatusRecord[],
  viewerId: AccountId | null,
): Promise<Buffer[]> {
  const pieces = await piecesOf(context, records, viewerId);
  const array: Buffer[] = [OPEN];
  pieces.forEach((own, i) => {
    if (i > 0) array.push(COMMA);
    for (const piece of own) array.push(piece);
  });
  array.push(CLOSE);
  return array;
}

/** As `spliceStatuses`, whole. */
export async function statusesJson(
  context: SpliceContext,
  records: readonly StatusRecord[],
  viewerId: AccountId | null,
): Promise<Buffer> {
  return Buffer.concat(await spliceStatuses(context, records, viewerId));
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
  const { profiles } = statuses;
  const authors = await profiles.getAll(records.map((record) => record.facts.authorId));
  const boostedIds = records.flatMap(({ facts }) => (facts.reblogOfId === null ? [] : [facts.reblogOfId]));
  const originals = await statuses.getAll(boostedIds);
  const originalAuthors = await profiles.getAll(originals.map((record) => record?.facts.authorId ?? 0n));
  const shown = records.map((record) => record.facts.reblogOfId ?? record.facts.id);
  const own = viewerId === null ? null : (marks.peek(viewerId, shown) ?? (await marks.load(viewerId, shown)));
  const pieces: Buffer[][] = [];
  let boosts = 0;
  records.forEach((record, i) => {
    const isBoost = record.facts.reblogOfId !== null;
    const original = isBoost ? originals[boosts] : undefined;
    const originalAuthor = isBoost ? originalAuthors[boosts++] : undefined;
    const author = authors[i];
    if (!author) return;
    const end = own ? (MARKS[own[i] ?? 0] as Buffer) : END;
    const outer = statuses.render(record, author);
    if (!isBoost) {
      pieces.push([outer.bytes, end]);
      return;
    }
    if (!original || !originalAuthor) return;
    const inner = statuses.render(original, originalAuthor);
    // A boost shows the counts of what it boosts.
    const wrapper = outer.bytes.subarray(0, outer.accountEnd);
    const counts = inner.bytes.subarray(inner.accountEnd, inner.tailEnd);
    pieces.push([wrapper, counts, REBLOG, inner.bytes, end, end]);
  });
  return pieces;
}
