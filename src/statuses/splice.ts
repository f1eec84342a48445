/** Puts a status's JSON together from cached bytes: head, account, tail, and the viewer's marks. */
import type { Profile } from "../accounts/profiles.ts";
import type { AccountId, StatusId } from "../core/ids.ts";
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
  const originals = await originalsOf(statuses, records);
  const profiles = await profilesOf(statuses, [...records, ...originals.values()]);
  const ids = records.map((record) => record.facts.reblogOfId ?? record.facts.id);
  const own = viewerId === null ? null : (marks.peek(viewerId, ids) ?? (await marks.load(viewerId, ids)));
  const pieces: Buffer[][] = [];
  records.forEach((record, i) => {
    const end = own ? (MARKS[own[i] ?? 0] as Buffer) : END;
    const author = profiles.get(record.facts.authorId);
    const original = record.facts.reblogOfId === null ? null : originals.get(record.facts.reblogOfId);
    if (!author || original === undefined) return;
    const wrapper = statuses.render(record, author.username);
    if (original === null) {
      pieces.push([wrapper.head, author.json, wrapper.tail, NO_REBLOG, end]);
      return;
    }
    const originalAuthor = profiles.get(original.facts.authorId);
    if (!originalAuthor) return;
    const inner = statuses.render(original, originalAuthor.username);
    // The wrapper shows the counts of what it boosts.
    pieces.push([
      wrapper.head,
      author.json,
      inner.tail,
      REBLOG,
      inner.head,
      originalAuthor.json,
      inner.tail,
      NO_REBLOG,
      end,
      end,
    ]);
  });
  return pieces;
}

async function originalsOf(
  statuses: StatusCache,
  records: readonly StatusRecord[],
): Promise<Map<StatusId, StatusRecord>> {
  const ids: StatusId[] = [];
  for (const { facts } of records) if (facts.reblogOfId !== null) ids.push(facts.reblogOfId);
  return ids.length === 0 ? new Map() : statuses.getMany(ids);
}

async function profilesOf(
  statuses: StatusCache,
  records: readonly StatusRecord[],
): Promise<Map<AccountId, Profile>> {
  return statuses.profiles.getMany(records.map((record) => record.facts.authorId));
}
