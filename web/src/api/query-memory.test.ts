import { QueryClient } from "@tanstack/react-query";
import { afterEach, expect, test } from "vitest";
import { recallStatus, statuses, statusesIn } from "../feed/entities.ts";
import { setPending } from "../feed/pending-marks.ts";
import { answersToKeep, restoreAnswers } from "./query-memory.ts";
import type { Status } from "./types.ts";

const status = (id: string, more: Partial<Status> = {}): Status =>
  ({
    id,
    content: `Post ${id}`,
    account: { id: "1" },
    visibility: "public",
    favourites_count: 2,
    reblog: null,
    ...more,
  }) as Status;

afterEach(() => {
  statuses.prune(() => false);
});

/** As a reload does it: what was kept comes into a new client and an empty store. */
async function afterReload(answers: Record<string, unknown>): Promise<QueryClient> {
  const before = new QueryClient();
  for (const [key, data] of Object.entries(answers)) {
    await before.fetchQuery({ queryKey: [key], queryFn: () => data, meta: { isKept: true } });
  }
  await before.fetchQuery({ queryKey: ["fleeting"], queryFn: () => [status("9")] });
  const kept = structuredClone(answersToKeep(before));
  statuses.prune(() => false);
  const after = new QueryClient();
  restoreAnswers(after, kept);
  return after;
}

test.each<[string, unknown, string[]]>([
  ["a search", { accounts: [], statuses: [status("1"), status("2")], hashtags: [] }, ["1", "2"]],
  ["a thread", { ancestors: [status("3")], descendants: [status("4")] }, ["3", "4"]],
  ["a post", status("5"), ["5"]],
  ["posts", [status("6")], ["6"]],
  ["a boost", [status("7", { reblog: status("8") })], ["7", "8"]],
])("%s comes back from a reload with all it names", async (_what, answer, ids) => {
  const client = await afterReload({ answer });
  expect(client.getQueryData(["answer"])).toEqual(answer);
  expect(ids.map((id) => statuses.get(id)?.id)).toEqual(ids);
  // It may have changed meanwhile: the next look asks once more.
  expect(client.getQueryState(["answer"])?.dataUpdatedAt).toBeLessThan(Date.now() - 60_000);
});

test("answers that name no posts keep their age, and are kept again, though nothing has looked at them", async () => {
  const client = await afterReload({ viewer: { id: "1", username: "wren", note: "" } });
  expect(client.getQueryState(["viewer"])?.dataUpdatedAt).toBeGreaterThan(Date.now() - 60_000);
  expect(answersToKeep(client).map(({ key }) => key)).toEqual([["viewer"]]);
});

test("what is kept is older than what the server has said since", () => {
  statuses.put(status("1", { content: "Edited" }));
  recallStatus(status("1"));
  expect(statuses.get("1")?.content).toBe("Edited");
});

test("an account in an answer is no status", () => {
  expect(statusesIn({ accounts: [{ id: "1", username: "wren" }], hashtags: [{ name: "a" }] })).toEqual([]);
});

test("a favourite that waits is on whatever comes from the server or from memory", () => {
  setPending("1", "favourite", true);
  recallStatus(status("1"));
  expect(statuses.get("1")).toMatchObject({ favourited: true, favourites_count: 3 });
  setPending("1", "favourite", null);
});
