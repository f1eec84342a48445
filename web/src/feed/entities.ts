/** One copy of every status, account and notification on screen: a change to one shows wherever it is shown. */
import { useCallback, useSyncExternalStore } from "react";
import type { Account, Notification, Status } from "../api/types.ts";
import { withPending } from "./pending-marks.ts";

export class EntityStore<T extends { readonly id: string }> {
  readonly #entities = new Map<string, T>();
  readonly #listeners = new Map<string, Set<() => void>>();

  get(id: string): T | undefined {
    return this.#entities.get(id);
  }

  get size(): number {
    return this.#entities.size;
  }

  put(entity: T): void {
    this.#entities.set(entity.id, entity);
    this.#tell(entity.id);
  }

  patch(id: string, change: Partial<T>): void {
    const known = this.#entities.get(id);
    if (known) this.put({ ...known, ...change });
  }

  remove(id: string): void {
    if (this.#entities.delete(id)) this.#tell(id);
  }

  /** Forgets what is neither shown nor named by `isUsed`. */
  prune(isUsed: (id: string) => boolean): void {
    for (const id of this.#entities.keys()) {
      if (!this.#listeners.has(id) && !isUsed(id)) this.#entities.delete(id);
    }
  }

  subscribe(id: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(id) === listeners) this.#listeners.delete(id);
    };
  }

  ids(): IterableIterator<string> {
    return this.#entities.keys();
  }

  #tell(id: string): void {
    for (const listener of this.#listeners.get(id) ?? []) listener();
  }
}

export const statuses = new EntityStore<Status>();
export const notifications = new EntityStore<Notification>();
export const accounts = new EntityStore<Account>();

export function useEntity<T extends { readonly id: string }>(
  store: EntityStore<T>,
  id: string,
): T | undefined {
  const subscribe = useCallback((listener: () => void) => store.subscribe(id, listener), [store, id]);
  return useSyncExternalStore(subscribe, () => store.get(id));
}

/** Streams and anonymous answers come without the viewer's own marks: what is known of them is kept. */
export function putStatus(status: Status): void {
  const known = statuses.get(status.id);
  const { favourited, reblogged, bookmarked, muted } = known ?? {};
  const seen = {
    ...status,
    ...(status.favourited === undefined && favourited !== undefined ? { favourited } : {}),
    ...(status.reblogged === undefined && reblogged !== undefined ? { reblogged } : {}),
    ...(status.bookmarked === undefined && bookmarked !== undefined ? { bookmarked } : {}),
    ...(status.muted === undefined && muted !== undefined ? { muted } : {}),
  };
  statuses.put(withPending(seen));
  if (status.reblog) putStatus(status.reblog);
}

/** What was kept in this browser is older than whatever the server has said since. */
export function recallStatus(status: Status): void {
  if (status.reblog) recallStatus(status.reblog);
  if (!statuses.get(status.id)) statuses.put(withPending(status));
}

/** The statuses an answer of the API holds, wherever in it they stand. */
export function statusesIn(answer: unknown): Status[] {
  if (typeof answer !== "object" || answer === null) return [];
  if (isStatus(answer)) return [answer];
  return Object.values(answer).flatMap(statusesIn);
}

function isStatus(value: object): value is Status {
  return "id" in value && "content" in value && "account" in value && "visibility" in value;
}

export function putNotification(notification: Notification): void {
  if (notification.status) putStatus(notification.status);
  notifications.put(notification);
}

export function recallNotification(notification: Notification): void {
  if (notification.status) recallStatus(notification.status);
  if (!notifications.get(notification.id)) notifications.put(notification);
}
