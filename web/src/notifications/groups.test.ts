import { expect, test } from "vitest";
import type { Status } from "../api/types.ts";
import type { FeedRow } from "../feed/feed-state.ts";
import { grouped } from "./groups.ts";

const MONDAY = "2026-11-23T12:00:00.000Z";
const TUESDAY = "2026-11-24T12:00:00.000Z";
const known: Record<string, { type: string; created_at: string; status?: Status }> = {
  "9": { type: "favourite", created_at: TUESDAY, status: { id: "a" } as Status },
  "8": { type: "follow", created_at: TUESDAY },
  "7": { type: "favourite", created_at: TUESDAY, status: { id: "b" } as Status },
  "6": { type: "favourite", created_at: TUESDAY, status: { id: "a" } as Status },
  "5": { type: "reblog", created_at: TUESDAY, status: { id: "a" } as Status },
  "4": { type: "mention", created_at: TUESDAY, status: { id: "c" } as Status },
  "3": { type: "follow", created_at: TUESDAY },
  "2": { type: "favourite", created_at: MONDAY, status: { id: "a" } as Status },
  "1": { type: "follow_request", created_at: MONDAY },
};
const entry = (id: string): FeedRow => ({ kind: "entry", id });
const outline = (rows: readonly FeedRow[]) =>
  grouped(rows, (id) => known[id]).map((row) =>
    row.kind === "group" ? row.ids.join("+") : row.kind === "gap" ? "gap" : row.id,
  );

test("favourites and boosts of one post and follows are one row a day, at the place of the newest", () => {
  expect(outline(["9", "8", "7", "6", "5", "4", "3", "2", "1"].map(entry))).toEqual([
    "9+6",
    "8+3",
    "7",
    "5",
    "4",
    "2",
    "1",
  ]);
});

test("nothing is lost, and gaps stay where they are", () => {
  const gap: FeedRow = { kind: "gap", newerId: "8", olderId: "6" };
  expect(outline([entry("9"), entry("8"), gap, entry("6"), entry("unknown")])).toEqual([
    "9+6",
    "8",
    "gap",
    "unknown",
  ]);
});

test("a row keeps its key when more join it, above or below", () => {
  const keys = (ids: readonly string[]) =>
    grouped(ids.map(entry), (id) => known[id]).flatMap((row) => (row.kind === "group" ? [row.key] : []));
  expect(keys(["6"])).toEqual(keys(["9", "6"]));
  expect(keys(["3"])).toEqual(keys(["8", "3"]));
});
