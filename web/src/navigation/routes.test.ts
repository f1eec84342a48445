import { expect, test } from "vitest";
import { routeOf } from "./routes.ts";

test.each([
  ["/", { page: "home" }],
  ["/@wren", { page: "profile", acct: "wren", tab: "posts" }],
  ["/@wren/media", { page: "profile", acct: "wren", tab: "media" }],
  ["/@wren/1100000000000000001", { page: "thread", acct: "wren", id: "1100000000000000001" }],
  ["/@wren/nonsense", { page: "missing" }],
  ["/tags/%C3%A9t%C3%A9", { page: "tag", tag: "été" }],
  ["/search?q=a+b&type=accounts", { page: "search", query: "a b", kind: "accounts" }],
  ["/search?type=everything", { page: "search", query: "", kind: "all" }],
  ["/lists/7", { page: "list", id: "7" }],
  ["/settings", { page: "settings", section: null }],
  ["/settings/keyboard", { page: "settings", section: "keyboard" }],
  ["/compose?text=hi", { page: "compose", text: "hi", replyTo: null }],
  ["/login/callback?code=1", { page: "callback" }],
  ["/%E0%A4%A", { page: "missing" }],
  ["/nothing/here", { page: "missing" }],
])("%s", (path, route) => {
  expect(routeOf(path)).toEqual(route);
});
