/** What accounts are told of, and how much of it they haven't read. */
import { expect } from "vitest";
import type { SignedUp } from "./client.ts";
import type { OpenedRoost } from "./open-roost.ts";

export function settled(roost: OpenedRoost): Promise<unknown> {
  return expect.poll(() => roost.isIdle(), { timeout: 20_000, interval: 5 }).toBe(true);
}

/** "type by whom", newest first, once everything that happened has been handled. */
export async function toldTo(roost: OpenedRoost, { client }: SignedUp, query = ""): Promise<string[]> {
  await settled(roost);
  const list = await client.get<{ type: string; account: { username: string } }[]>(
    `/api/v1/notifications${query}`,
  );
  return list.map(({ type, account }) => `${type} by ${account.username}`);
}

export async function unreadOf({ client }: SignedUp, query = ""): Promise<number> {
  return (await client.get<{ count: number }>(`/api/v1/notifications/unread_count${query}`)).count;
}
