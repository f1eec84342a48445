import { type AccountId, idsAsText, type StatusId } from "./ids.ts";

/**
 * What a committed change made stale in caches. What accounts own, such as statuses and their counts, is told apart
 * from the directory: it may lie in databases without replicas.
 */
export interface Stale {
  /** Profiles, and whom they follow or who follows them. */
  readonly accounts?: readonly AccountId[];
  /** How many posts these accounts have. */
  readonly counts?: readonly AccountId[];
  /** Relations of these viewers. */
  readonly relations?: readonly AccountId[];
  readonly statuses?: readonly StatusId[];
  /** What these viewers favourited, boosted and bookmarked. */
  readonly marks?: readonly AccountId[];
  /** Newest posts of these authors, as the pull path keeps them. */
  readonly authorTimelines?: readonly AccountId[];
  /** Access tokens of these accounts. */
  readonly tokens?: readonly AccountId[];
  /** Access tokens of these apps themselves, which are no account's. */
  readonly appTokens?: readonly bigint[];
  /** As `counts`, in other processes: the one that says so has put its own right. */
  readonly countsElsewhere?: readonly AccountId[];
  /** Who is pushed and who is pulled. */
  readonly fanOutModes?: true;
  /** Who made the change, where nothing above names them: replicas must have it before these accounts read there. */
  readonly writers?: readonly AccountId[];
  /** The same, where it is of what they own. */
  readonly owners?: readonly AccountId[];
}

/** The ids that say where what was changed lies; null when it, or some of it, may be in the directory. */
export function ownedIds(stale: Stale): bigint[] | null {
  const { statuses, marks, authorTimelines, counts, countsElsewhere, owners, ...directory } = stale;
  if (Object.keys(directory).length > 0) return null;
  const kinds: readonly (readonly bigint[] | undefined)[] = [
    statuses,
    marks,
    authorTimelines,
    counts,
    countsElsewhere,
    owners,
  ];
  const ids = kinds.flatMap((one) => one ?? []);
  return ids.length > 0 ? ids : null;
}

/**
 * Takes what is stale out of every cache. Awaited after the commit and before the answer, so that the next request,
 * whoever serves it, sees the change.
 */
export type Invalidate = (stale: Stale) => Promise<void>;

/**
 * Says that this account has changed what no cache holds: of what it owns, or of the directory. Awaited as `Invalidate`
 * is: the account's next read may go to a replica. Does nothing where there are none.
 */
export type TellWrite = (writerId: AccountId, what: "own" | "directory") => Promise<void>;

/** As text, for other processes: ids as decimal strings. */
export function encodeStale(stale: Stale): string {
  return JSON.stringify(stale, idsAsText);
}

export function decodeStale(text: string): Stale {
  const kinds = Object.entries(JSON.parse(text) as Record<string, string[] | true>);
  return Object.fromEntries(kinds.map(([kind, ids]) => [kind, ids === true || ids.map(BigInt)]));
}
