import { expect, test } from "vitest";
import type { Status } from "../api/types.ts";
import { MAX_LEVELS, type ThreadNode, treeOf } from "./thread-tree.ts";

const reply = (id: string, to: string) => ({ id, in_reply_to_id: to }) as Status;
const outline = (nodes: readonly ThreadNode[]): unknown =>
  nodes.map((node) => [node.status.id, outline(node.replies), node.hiddenCount]);

test("puts every reply under what it answers", () => {
  expect(outline(treeOf("1", [reply("2", "1"), reply("3", "2"), reply("4", "1")]))).toEqual([
    ["2", [["3", [], 0]], 0],
    ["4", [], 0],
  ]);
});

test("keeps replies to a deleted post at the root", () => {
  expect(outline(treeOf("1", [reply("5", "gone")]))).toEqual([["5", [], 0]]);
});

test("stops at the deepest level and says how much is below", () => {
  const chain = [2, 3, 4, 5, 6, 7].map((n) => reply(`${n}`, `${n - 1}`));
  let nodes: readonly ThreadNode[] = treeOf("1", chain);
  let levels = 0;
  let hidden = 0;
  while (nodes[0]) {
    levels++;
    hidden = nodes[0].hiddenCount;
    nodes = nodes[0].replies;
  }
  expect([levels, hidden]).toEqual([MAX_LEVELS, 2]);
});
