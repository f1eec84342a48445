/** Answers marked `meta.isKept` outlive a reload. */
import { type DehydratedState, dehydrate, hydrate, type QueryClient } from "@tanstack/react-query";
import { get, set } from "idb-keyval";
import { currentSession } from "../session/session.ts";
import { KEPT_FOR_MS } from "./queries.ts";

const WRITE_DELAY_MS = 1_000;

interface Kept {
  readonly savedAt: number;
  readonly state: DehydratedState;
}

export async function keepQueries(client: QueryClient): Promise<void> {
  const kept = await get<Kept>(storageKey()).catch(() => undefined);
  if (kept && Date.now() - kept.savedAt < KEPT_FOR_MS) hydrate(client, kept.state);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const write = () => {
    clearTimeout(timer);
    timer = undefined;
    const state = dehydrate(client, {
      shouldDehydrateQuery: (query) => query.meta?.isKept === true && query.state.status === "success",
      shouldDehydrateMutation: () => false,
    });
    void set(storageKey(), { savedAt: Date.now(), state } satisfies Kept).catch(() => undefined);
  };
  client.getQueryCache().subscribe(({ type }) => {
    if (type === "updated") timer ??= setTimeout(write, WRITE_DELAY_MS);
  });
  addEventListener("pagehide", () => timer && write());
}

function storageKey(): string {
  return `queries:${currentSession().accountId ?? "anyone"}`;
}
