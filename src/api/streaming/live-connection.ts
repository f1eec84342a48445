/**
 * One open connection: which channels it listens to, and what of their messages its viewer gets to see. A message only
 * says that something happened; what is sent is read at that moment, under the viewer's relations of that moment.
 */
import type { FastifyBaseLogger } from "fastify";
import { Invalid, NotFound } from "../../core/errors.ts";
import type { AccountId, StatusId } from "../../core/ids.ts";
import type { Viewer } from "../../core/viewer.ts";
import { covers } from "../../core/viewer.ts";
import { isInHomeTimeline } from "../../feed/home-timeline.ts";
import { isInListTimeline } from "../../feed/list-timeline.ts";
import {
  homeChannel,
  type LiveMessage,
  notificationChannel,
  SIGNED_OUT_CHANNEL,
  STATUS_CHANNEL,
} from "../../feed/live.ts";
import { findNotification } from "../../notifications/queries.ts";
import { requireList } from "../../relations/lists.ts";
import { onlyShown, TIMELINE } from "../../statuses/access.ts";
import type { StatusRecord } from "../../statuses/records.ts";
import { spliceStatus } from "../../statuses/splice.ts";
import type { ApiContext } from "../context.ts";
import { notificationsJson } from "../entities/notification.ts";
import type { Stream } from "./stream-names.ts";

/** Where messages go: a WebSocket, or a response that stays open. */
export interface Sink {
  send(streams: readonly string[], event: string, payload: string): void;
  /** Bytes that the other side hasn't taken yet. */
  waitingBytes(): number;
  close(ending: Ending): void;
}

/** Why a connection ends, as a WebSocket's closing says it. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
}

export const ENDINGS = {
  signedOut: { code: 1008, reason: "signed out" },
  tooSlow: { code: 1008, reason: "too slow" },
  tooManyMessages: { code: 1008, reason: "too many messages at once" },
  failed: { code: 1011, reason: "an error on our side" },
  stopping: { code: 1001, reason: "the server is stopping" },
} as const satisfies Record<string, Ending>;

export interface LiveOptions {
  readonly viewer: Viewer | null;
  readonly sink: Sink;
  readonly log: FastifyBaseLogger;
  /** Whether the viewer's token is good, asked anew. */
  readonly tokenStands: () => Promise<boolean>;
}

const MAX_STREAMS = 20;
const MAX_QUEUED = 500;
const MAX_WAITING_BYTES = 1024 * 1024;
/** Statuses per connection that it remembers having sent. */
const MAX_REMEMBERED = 1_000;

export class LiveConnection implements AsyncDisposable {
  readonly #context: ApiContext;
  readonly #options: LiveOptions;
  readonly #streams = new Map<string, Stream>();
  readonly #channels = new Map<string, () => void>();
  /** "stream id", oldest first. */
  readonly #sent = new Set<string>();
  /** Messages are worked through one after the other, so that they arrive in order. */
  #work: Promise<void> = Promise.resolve();
  #queued = 0;
  #closed = false;

  constructor(context: ApiContext, options: LiveOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** Listens for the end of the viewer's token; before anything else, so that no connection outlives it. */
  async open(): Promise<void> {
    if (this.#accountId === null) return;
    await this.#listen(SIGNED_OUT_CHANNEL);
    // It may have ended since the request was authenticated, when nobody listened yet.
    if (!(await this.#options.tokenStands())) this.#end(ENDINGS.signedOut);
  }

  async add(stream: Stream): Promise<void> {
    const name = keyOf(stream);
    if (this.#streams.size >= MAX_STREAMS && !this.#streams.has(name))
      throw new Invalid(`A connection can have ${MAX_STREAMS} streams at most`, 400);
    const accountId = this.#accountId;
    await requireOwnList(this.#context, accountId, stream);
    this.#streams.set(name, stream);
    if (stream.kind !== "user" || stream.withStatuses) await this.#listen(STATUS_CHANNEL);
    if (stream.kind === "user" && accountId !== null) {
      if (stream.withStatuses) await this.#listen(homeChannel(accountId));
      if (covers(this.#options.viewer?.scopes ?? [], "read:notifications"))
        await this.#listen(notificationChannel(accountId));
    }
  }

  /** Channels stay open until the connection ends: what no stream wants isn't sent. */
  remove(stream: Stream): void {
    this.#streams.delete(keyOf(stream));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const stop of this.#channels.values()) stop();
    this.#channels.clear();
  }

  get #accountId(): AccountId | null {
    return this.#options.viewer?.accountId ?? null;
  }

  #end(ending: Ending): void {
    if (this.#closed) return;
    void this[Symbol.asyncDispose]();
    this.#options.sink.close(ending);
  }

  async #listen(channel: string): Promise<void> {
    if (this.#closed || this.#channels.has(channel)) return;
    const stop = await this.#context.liveBus.subscribe(channel, (message) =>
      this.#receive(message as LiveMessage),
    );
    // Closed, or listened to by another call, while this one waited.
    if (this.#closed || this.#channels.has(channel)) stop();
    else this.#channels.set(channel, stop);
  }

  #receive(message: LiveMessage): void {
    if (this.#closed) return;
    if (message.type === "signed-out") {
      if (message.accountId === this.#accountId) this.#end(ENDINGS.signedOut);
      return;
    }
    if (this.#queued >= MAX_QUEUED || this.#options.sink.waitingBytes() > MAX_WAITING_BYTES) {
      this.#end(ENDINGS.tooSlow);
      return;
    }
    this.#queued++;
    this.#work = this.#work
      .then(() => (this.#closed ? undefined : this.#handle(message)))
      .catch((error: unknown) => {
        this.#options.log.warn({ err: error }, "a stream is closed: what it should send couldn't be read");
        this.#end(ENDINGS.failed);
      })
      .finally(() => {
        this.#queued--;
      });
  }

  async #handle(message: LiveMessage): Promise<void> {
    await this.#context.catchUp();
    // That the token ended is told too, but a message may get lost.
    if (this.#accountId !== null && !(await this.#options.tokenStands())) return this.#end(ENDINGS.signedOut);
    switch (message.type) {
      case "notification":
        return this.#notification(message.notificationId);
      case "status.deleted":
        return this.#deleted(message);
      case "status.delivered":
        await this.#inHome(message.statusId, "update");
        return;
      case "status.pulled":
        if (await this.#follows(message.authorId)) await this.#inHome(message.statusId, "update");
        return;
      case "status.published":
        // Followers hear of it when it's delivered to them; the author isn't one of them.
        if (message.authorId === this.#accountId) await this.#inHome(message.statusId, "update");
        return this.#elsewhere(message.statusId, "update");
      case "status.edited":
        await this.#edited(message.statusId, message.authorId);
        return this.#elsewhere(message.statusId, "status.update");
      default:
        return;
    }
  }

  async #notification(id: bigint): Promise<void> {
    const accountId = this.#accountId;
    if (accountId === null) return;
    const row = await findNotification(this.#context.database, accountId, id);
    const [shown] = row ? await notificationsJson(this.#context, accountId, [row]) : [];
    if (!shown) return;
    for (const stream of this.#streams.values()) {
      if (stream.kind === "user") this.#send(stream, "notification", shown.json.toString());
    }
  }

  /** To followers as the post itself; who is mentioned knows it from its notification. */
  async #edited(id: StatusId, authorId: AccountId): Promise<void> {
    const isNear = authorId === this.#accountId || (await this.#follows(authorId));
    if (isNear && (await this.#inHome(id, "status.update"))) return;
    const streams = this.#homeStreams();
    if (streams.length === 0) return;
    const record = await this.#visible(id);
    const isMentioned = record?.facts.mentionIds.some((accountId) => accountId === this.#accountId);
    if (isMentioned) await this.#sendStatus(id, "status.update", streams);
  }

  /** Whose deletions others hear of: ids of what they never saw are none of their business. */
  async #deleted(message: Extract<LiveMessage, { type: "status.deleted" }>): Promise<void> {
    const { statusId: id, authorId, mentionIds = [], isDirect = false } = message;
    const accountId = this.#accountId;
    const sawIt =
      authorId === accountId ||
      (!isDirect && (await this.#follows(authorId))) ||
      (accountId !== null && mentionIds.includes(accountId) && !(await this.#isBlockedWith(authorId)));
    for (const stream of this.#streams.values()) {
      if (stream.kind === "user" && !stream.withStatuses) continue;
      if (sawIt || this.#sent.has(`${keyOf(stream)} ${id}`)) this.#send(stream, "delete", `${id}`);
    }
  }

  /** Whether it is there; then it's sent. */
  async #inHome(id: StatusId, event: string): Promise<boolean> {
    const accountId = this.#accountId;
    const streams = this.#homeStreams();
    if (accountId === null || streams.length === 0) return false;
    if (!(await isInHomeTimeline(this.#context.home, accountId, id))) return false;
    await this.#sendStatus(id, event, streams);
    return true;
  }

  #homeStreams(): Stream[] {
    return [...this.#streams.values()].filter((stream) => stream.kind === "user" && stream.withStatuses);
  }

  async #elsewhere(id: StatusId, event: string): Promise<void> {
    const streams = [...this.#streams.values()].filter((stream) => stream.kind !== "user");
    if (streams.length === 0) return;
    const record = await this.#visible(id);
    if (!record) return;
    const wanted: Stream[] = [];
    for (const stream of streams) if (await this.#belongs(stream, record)) wanted.push(stream);
    await this.#sendStatus(id, event, wanted);
  }

  async #belongs(stream: Stream, { facts }: StatusRecord): Promise<boolean> {
    const isPublic = facts.visibility === "public" && facts.reblogOfId === null;
    switch (stream.kind) {
      case "public":
        return (
          isPublic &&
          !stream.isRemote &&
          (facts.inReplyToAccountId === null || facts.inReplyToAccountId === facts.authorId) &&
          (!stream.onlyMedia || facts.hasMedia)
        );
      case "hashtag":
        return isPublic && facts.tags.includes(stream.tag);
      case "direct":
        return facts.visibility === "direct";
      case "list": {
        const accountId = this.#accountId;
        if (accountId === null) return false;
        // Members are followed: most posts are out without a query.
        if (facts.authorId !== accountId && !(await this.#follows(facts.authorId))) return false;
        return isInListTimeline(this.#context.home, accountId, stream.listId, facts.id);
      }
      case "user":
        return false;
    }
  }

  async #visible(id: StatusId): Promise<StatusRecord | null> {
    const { statuses } = this.#context;
    const record = await statuses.statuses.get(id);
    const [shown] = record ? await onlyShown(statuses, [record], this.#accountId, TIMELINE) : [];
    return shown ?? null;
  }

  async #sendStatus(id: StatusId, event: string, streams: readonly Stream[]): Promise<void> {
    // Around a switch of modes a status comes both ways, and events are handled at least once.
    const wanted = event === "update" ? streams.filter((stream) => this.#remember(stream, id)) : streams;
    const record = wanted.length > 0 ? await this.#context.statuses.statuses.get(id) : undefined;
    if (!record) return;
    const json = (await spliceStatus(this.#context.splice, record, this.#accountId)).toString();
    if (json === "") return;
    for (const stream of wanted) this.#send(stream, event, json);
  }

  #send(stream: Stream, event: string, payload: string): void {
    if (!this.#closed) this.#options.sink.send(stream.name, event, payload);
  }

  /** False for what the stream was sent already. */
  #remember(stream: Stream, id: StatusId): boolean {
    const entry = `${keyOf(stream)} ${id}`;
    if (this.#sent.has(entry)) return false;
    this.#sent.add(entry);
    for (const oldest of this.#sent) {
      if (this.#sent.size <= MAX_REMEMBERED) break;
      this.#sent.delete(oldest);
    }
    return true;
  }

  async #isBlockedWith(authorId: AccountId): Promise<boolean> {
    if (this.#accountId === null) return false;
    const { blocking, blockedBy } = await this.#context.statuses.relations.of(this.#accountId);
    return blocking.has(authorId) || blockedBy.has(authorId);
  }

  async #follows(authorId: AccountId): Promise<boolean> {
    if (this.#accountId === null) return false;
    return (await this.#context.statuses.relations.of(this.#accountId)).following.has(authorId);
  }
}

/** Throws NotFound for a list that isn't the viewer's. */
export async function requireOwnList(
  context: ApiContext,
  viewerId: AccountId | null,
  stream: Stream,
): Promise<void> {
  if (stream.kind !== "list") return;
  if (viewerId === null) throw new NotFound();
  await requireList(context.database.db, viewerId, stream.listId);
}

function keyOf(stream: Stream): string {
  return stream.name.join(" ");
}
