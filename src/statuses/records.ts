/**
 * Statuses as the service reads them: the facts that rules are decided on, and the JSON around the author's account,
 * rendered once and kept as bytes. Reading a page then copies bytes: the status with its account, the viewer's marks.
 */
import type { Profile, ProfileCache } from "../accounts/profiles.ts";
import { NotFound } from "../core/errors.ts";
import { type CacheLimits, type Filling, GuardedCache } from "../core/guarded-cache.ts";
import type { AccountId, StatusId } from "../core/ids.ts";
import { isDegraded } from "../core/read-only.ts";
import type { Database } from "../engines/database/pools.ts";
import { byItself } from "../engines/database/shards.ts";
import type { LoadStart, SharedLevel } from "../engines/shared-cache/port.ts";
import { loadStatusRows, type StatusRow } from "./queries.ts";
import type { SharedStatus } from "./shared-status.ts";
import { tagKey } from "./text/tags.ts";
import { type Visibility, visibilityOf } from "./visibility.ts";

export interface StatusFacts {
  readonly id: StatusId;
  readonly authorId: AccountId;
  readonly visibility: Visibility;
  readonly inReplyToId: StatusId | null;
  readonly inReplyToAccountId: AccountId | null;
  readonly reblogOfId: StatusId | null;
  readonly mentionIds: readonly AccountId[];
  /** Keys; see `tagKey`. */
  readonly tags: readonly string[];
  readonly hasMedia: boolean;
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

/** JSON before and after the account. */
export interface StatusText {
  readonly head: Buffer;
  readonly tail: Buffer;
}

/** Turns a row into JSON text around the account. Given by the API, the only place that knows the wire format. */
export type RenderStatus = (row: StatusRow, authorUsername: string) => { head: string; tail: string };

const NO_REBLOG = Buffer.from(',"reblog":null');

/** A row waits to be rendered until somebody reads the status: most cached ones only decide rules. Then it goes. */
type Content = StatusRow | StatusText | RenderedStatus;

export class StatusRecord {
  readonly facts: StatusFacts;
  /** When its load began; null for one that isn't to be shared, or already is. */
  readonly start: LoadStart | null;
  /** About, when rendered. */
  readonly sizeBytes: number;
  #content: Content;

  constructor(facts: StatusFacts, content: StatusRow | StatusText, start: LoadStart | null) {
    this.facts = facts;
    this.start = start;
    this.sizeBytes = 1_200 + textBytesOf(content);
    this.#content = content;
  }

  static of(row: StatusRow, start: LoadStart | null): StatusRecord {
    return new StatusRecord(factsOf(row), row, start);
  }

  /** `onText` is called when the row becomes text. When the author's account has changed, it's put around that anew. */
  rendered(render: RenderStatus, author: Profile, onText: OnText): RenderedStatus {
    const content = this.#content;
    if ("bytes" in content && content.account === author.json) return content;
    const { head, tail } = this.#text(render, author, onText);
    const accountEnd = head.length + author.json.length;
    const rendered = {
      bytes: Buffer.concat([head, author.json, tail, NO_REBLOG]),
      account: author.json,
      accountEnd,
      tailEnd: accountEnd + tail.length,
    };
    this.#content = rendered;
    return rendered;
  }

  #text(render: RenderStatus, author: Profile, onText: OnText): StatusText {
    const content = this.#content;
    if ("bytes" in content) return around(content);
    if ("head" in content) return content;
    const { head, tail } = render(content, author.username);
    const text = { head: Buffer.from(head), tail: Buffer.from(tail) };
    onText(this, text);
    return text;
  }
}

type OnText = (record: StatusRecord, text: StatusText) => void;

function textBytesOf(content: StatusRow | StatusText): number {
  if ("head" in content) return content.head.length + content.tail.length;
  return 800 + 4 * (content.text.length + content.spoiler_text.length);
}

function factsOf(row: StatusRow): StatusFacts {
  return {
    id: row.id,
    authorId: row.author_id,
    visibility: visibilityOf(row.visibility),
    inReplyToId: row.in_reply_to_id,
    inReplyToAccountId: row.in_reply_to_account_id,
    reblogOfId: row.reblog_of_id,
    mentionIds: row.mentions.map((mention) => BigInt(mention.id)),
    tags: row.tags.map(tagKey),
    hasMedia: row.media.length > 0,
  };
}

function around({ bytes, account, accountEnd, tailEnd }: RenderedStatus): StatusText {
  return { head: bytes.subarray(0, accountEnd - account.length), tail: bytes.subarray(accountEnd, tailEnd) };
}

export class StatusCache {
  readonly #cache: GuardedCache<StatusId, StatusRecord>;
  readonly #database: Database;
  readonly #render: RenderStatus;
  readonly #shared: SharedLevel<StatusId, SharedStatus>;
  readonly profiles: ProfileCache;

  constructor(options: {
    database: Database;
    profiles: ProfileCache;
    render: RenderStatus;
    limits: CacheLimits;
    shared: SharedLevel<StatusId, SharedStatus>;
  }) {
    this.profiles = options.profiles;
    this.#database = options.database;
    this.#render = options.render;
    this.#shared = options.shared;
    this.#cache = new GuardedCache<StatusId, StatusRecord>({
      ...options.limits,
      sizeBytesOf: ({ sizeBytes }) => sizeBytes,
      second: {
        getMany: async (ids) => {
          const found = await this.#shared.getMany(ids);
          return new Map(
            [...found].map(([id, { value, leftMs }]) => {
              const record = new StatusRecord(value.facts, value.text, null);
              return [id, { value: record, leftMs }];
            }),
          );
        },
      },
      loadMany: async (ids) => {
        const began = this.#shared.begin();
        const rows = await options.database.shards.gatherBy(ids, byItself, (shard, own) =>
          shard.readNow(({ db }) => loadStatusRows(db, own)),
        );
        // Others may know better than a replica that stands in.
        const start = isDegraded() ? null : began;
        const records = rows.map((row) => StatusRecord.of(row, start));
        if (start) void this.#renderAll(records).catch(() => {});
        return new Map(records.map((record) => [record.facts.id, record]));
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

  /** What was loaded for this is from now on there for other processes, too. */
  render(record: StatusRecord, author: Profile): RenderedStatus {
    return record.rendered(this.#render, author, this.#share);
  }

  /**
   * In the background, so that others find all of a page: what was only looked at here is shown there. Nothing depends
   * on it; whoever shows one that isn't rendered yet renders it.
   */
  async #renderAll(records: readonly StatusRecord[]): Promise<void> {
    const authors = await this.profiles.getAll(records.map(({ facts }) => facts.authorId));
    records.forEach((record, i) => {
      const author = authors[i];
      if (author) this.render(record, author);
    });
  }

  readonly #share = ({ facts, start }: StatusRecord, text: StatusText): void => {
    if (start) this.#shared.share(facts.id, { facts, text }, start);
  };

  /** As it is in the database now, for those who need more than is kept. Throws NotFound when it doesn't exist. */
  async requireRow(id: StatusId): Promise<StatusRow> {
    const shard = this.#database.shards.of(id);
    const [row] = await shard.readNow(({ db }) => loadStatusRows(db, [id]));
    if (!row) throw new NotFound();
    return row;
  }

  invalidate(ids: readonly StatusId[]): void {
    for (const id of ids) this.#cache.invalidate(id);
  }

  clear(): void {
    this.#cache.clear();
  }
}
