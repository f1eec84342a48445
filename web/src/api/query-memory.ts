/** Answers marked `meta.isKept` outlive a reload, and with them the statuses they name: cards look for these by id. */
import type { QueryClient, QueryKey } from "@tanstack/react-query";
import { get, set } from "idb-keyval";
import { recallStatus, statusesIn } from "../feed/entities.ts";
import { currentSession } from "../session/session.ts";
import { KEPT_FOR_MS } from "./queries.ts";

const WRITE_DELAY_MS = 1_000;

export interface KeptAnswer {
  readonly key: QueryKey;
  readonly data: unknown;
  readonly updatedAt: number;
}

interface Kept {
  readonly savedAt: number;
  readonly answers?: readonly KeptAnswer[];
}

export async function keepQueries(client: QueryClient): Promise<void> {
  const kept = await get<Kept>(storageKey()).catch(() => undefined);
  if (kept?.answers && Date.now() - kept.savedAt < KEPT_FOR_MS) restoreAnswers(client, kept.answers);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const write = () => {
    clearTimeout(timer);
    timer = undefined;
    const answers = answersToKeep(client);
    void set(storageKey(), { savedAt: Date.now(), answers } satisfies Kept).catch(() => undefined);
  };
  client.getQueryCache().subscribe(({ type }) => {
    if (type === "updated") timer ??= setTimeout(write, WRITE_DELAY_MS);
  });
  addEventListener("pagehide", () => timer && write());
}

export function answersToKeep(client: QueryClient): KeptAnswer[] {
  const kept = client
    .getQueryCache()
    .findAll({ predicate: ({ meta, state }) => meta?.isKept === true && state.status === "success" });
  return kept.map(({ queryKey, state }) => ({
    key: queryKey,
    data: state.data,
    updatedAt: state.dataUpdatedAt,
  }));
}

export function restoreAnswers(client: QueryClient, answers: readonly KeptAnswer[]): void {
  for (const { key, data, updatedAt } of answers) {
    const named = statusesIn(data);
    for (const status of named) recallStatus(status);
    client
      .getQueryCache()
      .build(client, client.defaultQueryOptions({ queryKey: key, meta: { isKept: true } }));
    // Statuses may have been edited or deleted since: they are shown at once, and asked for once more.
    client.setQueryData(key, data, { updatedAt: named.length > 0 ? 1 : updatedAt });
  }
}

function storageKey(): string {
  return `queries:${currentSession().accountId ?? "anyone"}`;
}
