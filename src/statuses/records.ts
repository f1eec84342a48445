/**
 * Statuses as the service reads them: the facts that rules are decided on, and the JSON around the author's account,
 * rendered once and kept as bytes. Reading a page then copies bytes: the status with its account, the viewer's marks.
 */
import type { Profile, ProfileCache } from "../accounts/profiles.ts";
import { type CacheLimits, type Filling, GuardedCache } from "../core/guarded-cache.ts";
import type { AccountId, StatusId } from "../core/ids.ts";
import type { Database } from "../engines/database/pools.ts";
import { byItself } from "../engines/database/shards.ts";
import { loadStatusRows, type StatusRow } from "./queries.ts";
import { type Visibility, visibilityOf } from "./visibility.ts";

export interface StatusFacts {
  readonly id: StatusId;
  readonly authorId: AccountId;
  readonly visibility: Visibility;
  readonly inReplyToAccountId: AccountId | null;
  readonly reblogOfId: StatusId | null;
  readonly mentionIds: readonly AccountId[];
}

/** A status's JSON but for the viewer's marks and the closing brace, with its author's account as that is now. */
export interface RenderedStatus {
  /** Ends with `"reblog":null`. */
  readonly bytes: Buffer;
  /** The account's own bytes: another object when the account has changed. */
  readonly account: Buffer;
  /** Where in `bytes` the account ends, and what a boost of this status shows of it too. */
  readonly accountEnd: number;
  readonly tailEnd: number;
}

/** Turns a row into JSON text around the account. Given by the API, the only place that knows the wire format. */
export type RenderStatus = (row: StatusRow, authorUsername: string) => { head: string; tail: string };

const NO_REBLOG = Buffer.from(',"reblog":null');

export class StatusRecord {
  readonly facts: StatusFacts;
  readonly row: StatusRow;
  #rendered: RenderedStatus | null = null;

  constructor(row: StatusRow) {
    this.row = row;
    this.facts = {
      id: row.id,
      authorId: row.author_id,
      visibility: visibilityOf(row.visibility),
      inReplyToAccountId: row.in_reply_to_account_id,
      reblogOfId: row.reblog_of_id,
      mentionIds: row.mentions.map((mention) => BigInt(mention.id)),
    };
  }

  /**
   * Rendering is put off until somebody reads the status: most cached ones only decide rules. When the author's account
   * has changed, what was rendered is put around it anew.
   */
  rendered(render: RenderStatus, author: Profile): RenderedStatus {
    const known = this.#rendered;
    if (known?.account === author.json) return known;
    const { head, tail } = known ? around(known) : renderedNew(render(this.row, author.username));
    const accountEnd = head.length + author.json.length;
    this.#rendered = {
      bytes: Buffer.concat([head, author.json, tail, NO_REBLOG]),
      account: author.json,
      accountEnd,
      tailEnd: accountEnd + tail.length,
    };
    return this.#rendered;
  }
}

function renderedNew({ head, tail }: { head: string; tail: string }): { head: Buffer; tail: Buffer } {
  return { head: Buffer.from(head), tail: Buffer.from(tail) };
}

function around({ bytes, account, accountEnd, tailEnd }: RenderedStatus): { head: Buffer; tail: Buffer } {
  return { head: bytes.subarray(0, accountEnd - account.length), tail: bytes.subarray(accountEnd, tailEnd) };
}

export class StatusCache {
  readonly #cache: GuardedCache<StatusId, StatusRecord>;
  readonly #render: RenderStatus;
  readonly profiles: ProfileCache;

  constructor(options: {
    database: Database;
    profiles: ProfileCache;
    render: RenderStatus;
    limits: CacheLimits;
  }) {
    this.profiles = options.profiles;
    this.#render = options.render;
    this.#cache = new GuardedCache<StatusId, StatusRecord>({
      ...options.limits,
      // The row, and what it will be rendered to.
      sizeBytesOf: ({ row }) => 2_800 + 4 * (row.text.length + row.spoiler_text.length),
      loadMany: async (ids) => {
        const rows = await options.database.shards.gatherBy(ids, byItself, ({ db }, own) =>
          loadStatusRows(db, own),
        );
        return new Map(rows.map((row) => [row.id, new StatusRecord(row)]));
      },
    });
  }

  peek(id: StatusId): StatusRecord | undefined {
    return this.#cache.peek(id);
  }

  get(id: StatusId): Promise<StatusRecord | undefined> {
    return this.#cache.get(id);
  }

  /** Begins keeping records of rows about to be written; see `GuardedCache.fill`. */
  fill(): Filling<StatusId, StatusRecord> {
    return this.#cache.fill();
  }

  /** In the order of the ids; undefined for those that don't exist. */
  getAll(ids: readonly StatusId[]): Promise<(StatusRecord | undefined)[]> {
    return this.#cache.getAll(ids);
  }

  /** Records of those ids that exist. */
  getMany(ids: readonly StatusId[]): Promise<Map<StatusId, StatusRecord>> {
    return this.#cache.getMany(ids);
  }

  render(record: StatusRecord, author: Profile): RenderedStatus {
    return record.rendered(this.#render, author);
  }

  invalidate(ids: readonly StatusId[]): void {
    for (const id of ids) this.#cache.invalidate(id);
  }

  clear(): void {
    this.#cache.clear();
  }
}
