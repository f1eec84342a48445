/** Following, blocking and muting: shown at once, taken back if the server refuses. */
import { useQuery } from "@tanstack/react-query";
import { get, post } from "../api/client.ts";
import { queryClient } from "../api/queries.ts";
import type { Account, Relationship } from "../api/types.ts";
import { feedOf, forgetAuthor, HOME } from "../feed/feeds.ts";
import { currentSession, useIsSignedIn } from "../session/session.ts";
import { nameOf } from "../ui/avatar.tsx";
import { ask } from "../ui/sheets.ts";
import { toast, toastProblem } from "../ui/toasts.ts";

export type RelationVerb = "follow" | "unfollow" | "block" | "unblock" | "mute" | "unmute";

const keyOf = (accountId: string) => ["relationship", accountId] as const;

export function useRelationship(accountId: string): Relationship | undefined {
  const isSignedIn = useIsSignedIn();
  const isSelf = currentSession().accountId === accountId;
  const { data } = useQuery({
    queryKey: keyOf(accountId),
    queryFn: () => askTogether(accountId),
    enabled: isSignedIn && !isSelf,
    meta: { isKept: true },
  });
  return data;
}

/** Lists of people ask for each one's relationship; what is asked in the same moment goes out as one request. */
let batch: { ids: string[]; answer: Promise<Relationship[]> } | null = null;

async function askTogether(accountId: string): Promise<Relationship> {
  if (!batch || batch.ids.length >= 40) {
    const ids: string[] = [];
    const answer = new Promise((resolve) => setTimeout(resolve, 10)).then(() => {
      if (batch?.ids === ids) batch = null;
      return get<Relationship[]>("/api/v1/accounts/relationships", { query: { id: ids } });
    });
    batch = { ids, answer };
  }
  batch.ids.push(accountId);
  const found = (await batch.answer).find((relationship) => relationship.id === accountId);
  if (!found) throw new Error("The server didn't say how you two stand.");
  return found;
}

const FORESEEN: Readonly<Record<RelationVerb, (account: Account) => Partial<Relationship>>> = {
  follow: (account) => (account.locked ? { requested: true } : { following: true }),
  unfollow: () => ({ following: false, requested: false }),
  block: () => ({ blocking: true, following: false, followed_by: false }),
  unblock: () => ({ blocking: false }),
  mute: () => ({ muting: true }),
  unmute: () => ({ muting: false }),
};

export async function relate(account: Account, verb: RelationVerb): Promise<void> {
  const key = keyOf(account.id);
  const before = queryClient.getQueryData<Relationship>(key);
  if (before) queryClient.setQueryData(key, { ...before, ...FORESEEN[verb](account) });
  try {
    const after = await post<Relationship>(`/api/v1/accounts/${account.id}/${verb}`);
    queryClient.setQueryData(key, after);
    if (verb === "block" || verb === "mute") forgetAuthor(account.id);
    // Whom one follows decides what home holds, also of the past.
    if (verb !== "mute" && verb !== "unmute") void feedOf(HOME).refresh();
    void queryClient.invalidateQueries({ queryKey: ["account", account.acct] });
  } catch (error) {
    queryClient.setQueryData(key, before);
    toastProblem(error);
  }
}

export function askToBlock(account: Account): void {
  ask({
    title: `Block ${nameOf(account)}?`,
    text: "You won't see each other's posts, and neither of you can follow the other.",
    yes: "Block",
    isDangerous: true,
    onYes: () => void relate(account, "block").then(() => toast(`${nameOf(account)} is blocked`)),
  });
}

export function askToMute(account: Account): void {
  ask({
    title: `Mute ${nameOf(account)}?`,
    text: "Their posts and notifications stay away from you. They won't know.",
    yes: "Mute",
    onYes: () => void relate(account, "mute").then(() => toast(`${nameOf(account)} is muted`)),
  });
}
