/**
 * Statuses as the service reads them: the facts that rules are decided on, and the JSON around the author's account,
 * rendered once and kept as bytes. Reading a page then copies bytes: head, account, tail, the viewer's marks.
 */
import type { ProfileCache } from "../accounts/profiles.ts";
import { type Filling, GuardedCache } from "../core/guarded-cache.ts";
import type { AccountId, StatusId } from "../core/ids.ts";
import type { Db } from "../engines/database/pools.ts";
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

export interface RenderedStatus {
  /** From `{` up to and including `"account":`. */
  readonly head: Buffer;
  /** From the comma after the account up to the viewer's marks, without them and without the closing brace. */
  readonly tail: Buffer;
}

/** Turns a row into JSON text around the account. Given by the API, the only place that knows the wire format. */
export type RenderStatus = (row: StatusRow, authorUsername: string) => { head: string; tail: string };

const MAX_SIZE_BYTES = 256 * 1024 * 1024;

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

  /** Rendering is put off until somebody reads the status: most cached ones only decide rules. */
  rendered(render: RenderStatus, authorUsername: string): RenderedStatus {
    if (this.#rendered === null) {
      const { head, tail } = render(this.row, authorUsername);
      this.#rendered = { head: Buffer.from(head), tail: Buffer.from(tail) };
    }
    return this.#rendered;
  }
}

export class StatusCache {
  readonly #cache: GuardedCache<StatusId, StatusRecord>;
  readonly #render: RenderStatus;
  readonly profiles: ProfileCache;

  constructor(options: { db: Db; profiles: ProfileCache; render: RenderStatus }) {
    this.profiles = options.profiles;
    this.#render = options.render;
    this.#cache = new GuardedCache<StatusId, StatusRecord>({
      maxSizeBytes: MAX_SIZE_BYTES,
      // The row, and what it will be rendered to.
      sizeBytesOf: ({ row }) => 2_000 + 4 * (row.text.length + row.spoiler_text.length),
      loadMany: async (ids) => {
        const rows = await loadStatusRows(options.db, ids);
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

  render(record: StatusRecord, authorUsername: string): RenderedStatus {
    return record.rendered(this.#render, authorUsername);
  }

  invalidate(ids: readonly StatusId[]): void {
    for (const id of ids) this.#cache.invalidate(id);
  }

  clear(): void {
    this.#cache.clear();
  }
}
