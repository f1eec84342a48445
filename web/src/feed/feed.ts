/** A list on screen and its way to the server: loads, pages, catches up, and remembers itself for a reload. */
import { get, getPage, type PageOf } from "../api/client.ts";
import { Rebuilding, Unreachable } from "../api/errors.ts";
import type { Account, Notification, Status } from "../api/types.ts";
import {
  accounts,
  notifications,
  putNotification,
  putStatus,
  recallNotification,
  recallStatus,
  statuses,
} from "./entities.ts";
import { recallFeed, rememberFeed } from "./feed-memory.ts";
import {
  appendOlder,
  catchUp,
  EMPTY,
  type FeedState,
  fillGap,
  insertOwn,
  newestId,
  openFeed,
  prependNewer,
  receive,
  refreshTop,
  removeEntries,
  showWaiting,
  trimAbove,
  trimBelow,
} from "./feed-state.ts";

const PAGE_SIZE = 20;
const CATCH_UP_SIZE = 40;
const REVALIDATED_AT_ONCE = 80;
const REBUILDING_POLL_MS = 1_000;
/** Coming back to a list within this time asks for nothing. */
const FRESH_MS = 20_000;

export type Entity = Status | Notification | Account;

export interface FeedSource {
  readonly key: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  readonly holds: "status" | "notification" | "account";
  /** The list's order is that of its entries' ids, so that newer ones can be asked for. */
  readonly isOrderedById: boolean;
  /** Coming to it anew, by a link, leads to where it was left, not to its top. */
  readonly keepsPlace?: boolean;
}

export interface FeedView {
  readonly state: FeedState;
  readonly phase: "new" | "loading" | "rebuilding" | "ready" | "failed";
  readonly error: unknown;
  readonly isLoadingOlder: boolean;
  readonly olderError: unknown;
  readonly loadedAt: number;
  /** What is shown was kept in this browser and could not be renewed. */
  readonly isFromMemory: boolean;
}

const NEW: FeedView = {
  state: EMPTY,
  phase: "new",
  error: null,
  isLoadingOlder: false,
  olderError: null,
  loadedAt: 0,
  isFromMemory: false,
};

export class Feed {
  readonly source: FeedSource;
  view: FeedView = NEW;
  /** When it was last on screen; the longest unseen are forgotten first. */
  usedAt = Date.now();
  readonly #listeners = new Set<() => void>();
  #isBusyAbove = false;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(source: FeedSource) {
    this.source = source;
  }

  get isOnScreen(): boolean {
    return this.#listeners.size > 0;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      this.usedAt = Date.now();
    };
  };

  getView = (): FeedView => this.view;

  /** `restore`: this list was left at some place, which only its old rows can lead back to. */
  async open({ restore }: { restore: boolean }): Promise<void> {
    if (this.view.phase === "loading" || this.view.phase === "rebuilding") return;
    if (this.view.phase === "ready") {
      if (this.view.state.rows.length === 0) await this.refresh();
      else if (Date.now() - this.view.loadedAt > FRESH_MS) await this.catchUp();
      return;
    }
    this.#show({ phase: "loading", error: null });
    if (restore && (await this.#recall())) {
      await Promise.all([this.catchUp(), this.#revalidate()]);
      return;
    }
    await this.load();
  }

  /** The newest page, in place of whatever was there. */
  async load(): Promise<void> {
    clearTimeout(this.#retry);
    if (this.view.phase !== "rebuilding") this.#show({ phase: "loading", error: null });
    try {
      const page = await this.#fetch({ limit: PAGE_SIZE });
      this.#show({
        phase: "ready",
        state: openFeed(this.#keep(page)),
        loadedAt: Date.now(),
        isFromMemory: false,
        olderError: null,
      });
      this.#remember();
    } catch (error) {
      if (error instanceof Rebuilding) {
        this.#show({ phase: "rebuilding" });
        this.#retry = setTimeout(() => void this.load(), REBUILDING_POLL_MS);
        return;
      }
      if (error instanceof Unreachable && (await this.#recall())) {
        this.#show({ isFromMemory: true });
        return;
      }
      this.#show({ phase: "failed", error });
    }
  }

  /** Who is followed has changed: the newest page is asked for again, without taking away what is shown. */
  async refresh(): Promise<void> {
    if (this.view.phase !== "ready") return;
    await this.#above(async () => {
      const page = this.#keep(await this.#fetch({ limit: PAGE_SIZE }));
      this.#change((state) => refreshTop(state, page));
    });
  }

  async loadOlder(): Promise<void> {
    const { state, phase, isLoadingOlder } = this.view;
    if (phase !== "ready" || isLoadingOlder || state.older === null) return;
    this.#show({ isLoadingOlder: true, olderError: null });
    try {
      const page = await this.#fetch({ limit: PAGE_SIZE, max_id: state.older });
      this.#show({ isLoadingOlder: false, state: appendOlder(this.view.state, this.#keep(page)) });
      this.#remember();
    } catch (olderError) {
      this.#show({ isLoadingOlder: false, olderError });
    }
  }

  /** Lets go of the end that the reader is far from. */
  trim(end: "above" | "below"): void {
    if (this.source.isOrderedById) this.#change(end === "above" ? trimAbove : trimBelow);
  }

  /** What was let go above, when the reader comes back to it. */
  async loadNewer(): Promise<void> {
    const first = this.view.state.rows[0];
    if (!this.view.state.isTrimmedAbove || first?.kind !== "entry" || this.#isBusyAbove) return;
    await this.#above(async () => {
      const page = await this.#fetch({ limit: CATCH_UP_SIZE, min_id: first.id });
      const { ids } = this.#keep(page);
      this.#change((state) => prependNewer(state, ids, { isPageFull: ids.length >= CATCH_UP_SIZE }));
    });
  }

  /** What came into being since: it waits, and a gap is marked when there is more than one page of it. */
  async catchUp(): Promise<void> {
    const { phase, state } = this.view;
    if (!this.source.isOrderedById || phase !== "ready" || this.#isBusyAbove || state.isTrimmedAbove) return;
    await this.#above(async () => {
      const since = newestId(state);
      const page = await this.#fetch({ limit: CATCH_UP_SIZE, ...(since ? { since_id: since } : {}) });
      const { ids } = this.#keep(page);
      this.#show({ loadedAt: Date.now(), isFromMemory: false });
      const isEmpty = this.view.state.rows.length === 0;
      this.#change((old) => {
        const caughtUp = catchUp(old, ids, { isPageFull: ids.length >= CATCH_UP_SIZE });
        return isEmpty ? showWaiting(caughtUp) : caughtUp;
      });
    });
  }

  async fillGap(gap: { newerId: string; olderId: string }): Promise<void> {
    const page = await this.#fetch({ limit: CATCH_UP_SIZE, max_id: gap.newerId, since_id: gap.olderId });
    const { ids } = this.#keep(page);
    this.#change((state) => fillGap(state, gap, ids, { isPageFull: ids.length >= CATCH_UP_SIZE }));
  }

  receive(entity: Entity): void {
    if (this.view.phase !== "ready") return;
    this.#put(entity);
    const isEmpty = this.view.state.rows.length === 0;
    // Nothing can jump in an empty list: there the first entry is simply shown.
    this.#change((state) => {
      const received = receive(state, entity.id);
      return isEmpty ? showWaiting(received) : received;
    });
  }

  insertOwn(entity: Entity): void {
    if (this.view.phase !== "ready") return;
    this.#put(entity);
    this.#change((state) => insertOwn(state, entity.id));
  }

  showWaiting(): void {
    this.#change(showWaiting);
  }

  remove(isGone: (id: string) => boolean): void {
    this.#change((state) => removeEntries(state, isGone));
  }

  /** What was kept in this browser may have been deleted or edited since. */
  async #revalidate(): Promise<void> {
    if (this.source.holds !== "status") return;
    const { rows } = this.view.state;
    const ids = rows.flatMap((row) => (row.kind === "entry" ? [row.id] : []));
    for (let at = 0; at < ids.length; at += REVALIDATED_AT_ONCE) {
      const asked = ids.slice(at, at + REVALIDATED_AT_ONCE);
      const found = await get<Status[]>("/api/v1/statuses", { query: { id: asked } }).catch(() => null);
      if (!found) return;
      for (const status of found) putStatus(status);
      const there = new Set(found.map((status) => status.id));
      const gone = new Set(asked.filter((id) => !there.has(id)));
      if (gone.size > 0) this.remove((id) => gone.has(id));
    }
  }

  /** Several ways up must not run at once: each starts from the row now on top. */
  async #above(run: () => Promise<void>): Promise<void> {
    this.#isBusyAbove = true;
    try {
      await run();
    } catch {
      // The list stays as it is; the next occasion tries again.
    } finally {
      this.#isBusyAbove = false;
    }
  }

  #change(change: (state: FeedState) => FeedState): void {
    const state = change(this.view.state);
    if (state === this.view.state) return;
    this.#show({ state });
    this.#remember();
  }

  #show(change: Partial<FeedView>): void {
    this.view = { ...this.view, ...change };
    for (const listener of this.#listeners) listener();
  }

  #fetch(query: Record<string, string | number>): Promise<PageOf<Entity>> {
    return getPage<Entity>(this.source.path, { ...this.source.query, ...query });
  }

  #keep(page: PageOf<Entity>): { ids: string[]; older: string | null } {
    for (const entity of page.entries) this.#put(entity);
    return { ids: page.entries.map((entity) => entity.id), older: page.older };
  }

  #put(entity: Entity): void {
    if (this.source.holds === "status") putStatus(entity as Status);
    else if (this.source.holds === "notification") putNotification(entity as Notification);
    else accounts.put(entity as Account);
  }

  #recallEntity(entity: Entity): void {
    if (this.source.holds === "status") recallStatus(entity as Status);
    else if (this.source.holds === "notification") recallNotification(entity as Notification);
    else if (!accounts.get(entity.id)) accounts.put(entity as Account);
  }

  /** With what it holds as it is now, not as it was when it came. */
  #toKeep(id: string): Entity | undefined {
    const entity = this.#get(id);
    if (entity && "reblog" in entity && entity.reblog) {
      return { ...entity, reblog: statuses.get(entity.reblog.id) ?? entity.reblog };
    }
    if (entity && "status" in entity && entity.status) {
      return { ...entity, status: statuses.get(entity.status.id) ?? entity.status };
    }
    return entity;
  }

  #get(id: string): Entity | undefined {
    if (this.source.holds === "status") return statuses.get(id);
    return this.source.holds === "notification" ? notifications.get(id) : accounts.get(id);
  }

  #remember(): void {
    rememberFeed(this.source.key, () => {
      const { state, loadedAt } = this.view;
      const ids = [...state.rows, ...state.waiting].flatMap((row) => (row.kind === "entry" ? [row.id] : []));
      const entities = ids.map((id) => this.#toKeep(id)).filter((entity) => entity !== undefined);
      return { state, loadedAt, entities };
    });
  }

  async #recall(): Promise<boolean> {
    const kept = await recallFeed(this.source.key);
    if (!kept || kept.state.rows.length === 0) return false;
    // A list is kept whole or not at all: rows without what they name would be missing without a word.
    const held = new Set(kept.entities.map((entity) => entity.id));
    const rows = [...kept.state.rows, ...kept.state.waiting];
    if (rows.some((row) => row.kind === "entry" && !held.has(row.id))) return false;
    for (const entity of kept.entities) this.#recallEntity(entity);
    this.#show({ phase: "ready", state: kept.state, loadedAt: kept.loadedAt, error: null });
    return true;
  }
}
