/**
 * One open connection: which channels it listens to, and what of their messages its viewer gets to see. A message only
 * says that something happened; what is sent is read at that moment, under the viewer's relations of that moment.
 */
import { Invalid } from "../../core/errors.ts";
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
import { isMuted } from "../../relations/relations.ts";
import { onlyVisible } from "../../statuses/access.ts";
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
  close(reason: string): void;
}

const MAX_STREAMS = 20;
const MAX_QUEUED = 500;
const MAX_WAITING_BYTES = 1024 * 1024;

export class LiveConnection implements AsyncDisposable {
  readonly #context: ApiContext;
  readonly #viewer: Viewer | null;
  readonly #sink: Sink;
  readonly #streams = new Map<string, Stream>();
  readonly #channels = new Map<string, () => void>();
  /** Messages are worked through one after the other, so that they arrive in order. */
  #work: Promise<void> = Promise.resolve();
  #queued = 0;
  #closed = false;

  constructor(context: ApiContext, viewer: Viewer | null, sink: Sink) {
    this.#context = context;
    this.#viewer = viewer;
    this.#sink = sink;
  }

  async add(stream: Stream): Promise<void> {
    if (this.#streams.size >= MAX_STREAMS)
      throw new Invalid(`A connection can have ${MAX_STREAMS} streams at most`);
    const accountId = this.#accountId;
    if (stream.kind === "list" && accountId !== null) {
      await requireList(this.#context.database.db, accountId, stream.listId);
    }
    this.#streams.set(stream.name.join(" "), stream);
    if (accountId !== null) await this.#listen(SIGNED_OUT_CHANNEL);
    if (stream.kind !== "user" || stream.withStatuses) await this.#listen(STATUS_CHANNEL);
    if (stream.kind === "user" && accountId !== null) {
      if (stream.withStatuses) await this.#listen(homeChannel(accountId));
      if (covers(this.#viewer?.scopes ?? [], "read:notifications"))
        await this.#listen(notificationChannel(accountId));
    }
  }

  /** Channels stay open until the connection ends: what no stream wants isn't sent. */
  remove(stream: Stream): void {
    this.#streams.delete(stream.name.join(" "));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const stop of this.#channels.values()) stop();
    this.#channels.clear();
  }

  get #accountId(): AccountId | null {
    return this.#viewer?.accountId ?? null;
  }

  async #listen(channel: string): Promise<void> {
    if (this.#channels.has(channel)) return;
    // Reserved first: two subscriptions at once must not listen twice.
    this.#channels.set(channel, () => {});
    const stop = await this.#context.liveBus.subscribe(channel, (message) =>
      this.#receive(message as LiveMessage),
    );
    if (this.#closed) stop();
    else this.#channels.set(channel, stop);
  }

  #receive(message: LiveMessage): void {
    if (message.type === "signed-out") {
      if (message.accountId === this.#accountId) this.#sink.close("signed out");
      return;
    }
    if (this.#queued >= MAX_QUEUED || this.#sink.waitingBytes() > MAX_WAITING_BYTES) {
      this.#sink.close("too slow");
      return;
    }
    this.#queued++;
    this.#work = this.#work
      .then(() => (this.#closed ? undefined : this.#handle(message)))
      .catch(() => this.#sink.close("an error on our side"))
      .finally(() => {
        this.#queued--;
      });
  }

  async #handle(message: LiveMessage): Promise<void> {
    switch (message.type) {
      case "notification":
        return this.#notification(message.notificationId);
      case "status.deleted":
        return this.#deleted(message.statusId, message.authorId);
      case "status.delivered":
        return this.#inHome(message.statusId, "update");
      case "status.pulled":
        if (await this.#follows(message.authorId)) await this.#inHome(message.statusId, "update");
        return;
      case "status.published":
        // Followers hear of it when it's delivered to them; the author isn't one of them.
        if (message.authorId === this.#accountId) await this.#inHome(message.statusId, "update");
        return this.#elsewhere(message.statusId, "update");
      case "status.edited":
        if (message.authorId === this.#accountId || (await this.#follows(message.authorId))) {
          await this.#inHome(message.statusId, "status.update");
        }
        return this.#elsewhere(message.statusId, "status.update");
      default:
        return;
    }
  }

  async #notification(id: bigint): Promise<void> {
    const accountId = this.#accountId;
    if (accountId === null) return;
    const row = await findNotification(this.#context.database.db, accountId, id);
    const [json] = row ? await notificationsJson(this.#context, accountId, [row]) : [];
    if (!json) return;
    for (const stream of this.#streams.values()) {
      if (stream.kind === "user") this.#sink.send(stream.name, "notification", json.toString());
    }
  }

  async #deleted(id: StatusId, authorId: AccountId): Promise<void> {
    const isNear = authorId === this.#accountId || (await this.#follows(authorId));
    for (const stream of this.#streams.values()) {
      if (stream.kind === "user" ? stream.withStatuses && isNear : true)
        this.#sink.send(stream.name, "delete", `${id}`);
    }
  }

  async #inHome(id: StatusId, event: string): Promise<void> {
    const accountId = this.#accountId;
    const streams = [...this.#streams.values()].filter(
      (stream) => stream.kind === "user" && stream.withStatuses,
    );
    if (accountId === null || streams.length === 0) return;
    if (!(await isInHomeTimeline(this.#context.home, accountId, id))) return;
    await this.#sendStatus(id, event, streams);
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

  async #belongs(stream: Stream, { facts, row }: StatusRecord): Promise<boolean> {
    const isPublic = facts.visibility === "public" && facts.reblogOfId === null;
    switch (stream.kind) {
      case "public":
        return (
          isPublic &&
          !stream.isRemote &&
          (facts.inReplyToAccountId === null || facts.inReplyToAccountId === facts.authorId) &&
          (!stream.onlyMedia || row.media.length > 0)
        );
      case "hashtag":
        return isPublic && row.tags.some((tag) => tag.toLowerCase() === stream.tag);
      case "list": {
        const accountId = this.#accountId;
        if (accountId === null) return false;
        return isInListTimeline(this.#context.home, accountId, stream.listId, facts.id);
      }
      case "user":
        return false;
    }
  }

  async #visible(id: StatusId): Promise<StatusRecord | null> {
    const { statuses } = this.#context;
    const record = await statuses.statuses.get(id);
    const [visible] = record ? await onlyVisible(statuses, [record], this.#accountId) : [];
    if (!visible || this.#accountId === null) return visible ?? null;
    const relations = await statuses.relations.of(this.#accountId);
    const { authorId } = visible.facts;
    return relations.blocking.has(authorId) || isMuted(relations, authorId, this.#context.clock)
      ? null
      : visible;
  }

  async #sendStatus(id: StatusId, event: string, streams: readonly Stream[]): Promise<void> {
    const record = streams.length > 0 ? await this.#context.statuses.statuses.get(id) : undefined;
    if (!record) return;
    const json = (await spliceStatus(this.#context.splice, record, this.#accountId)).toString();
    for (const stream of streams) this.#sink.send(stream.name, event, json);
  }

  async #follows(authorId: AccountId): Promise<boolean> {
    if (this.#accountId === null) return false;
    return (await this.#context.statuses.relations.of(this.#accountId)).following.has(authorId);
  }
}
