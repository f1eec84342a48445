import { expect, test } from "vitest";
import { type ProfileRow, profileOf, sharedProfileForm } from "./profiles.ts";

const row: ProfileRow = {
  id: 2n ** 62n + 1n,
  username: "wren",
  display_name: "Wren “🐦”",
  note: "line\nline",
  fields: [{ name: "a", value: "b" }],
  avatar_key: "k",
  avatar_static_key: null,
  header_key: null,
  locked: true,
  bot: false,
  discoverable: true,
  indexable: false,
  hide_collections: false,
  suspended: false,
  created_at: new Date("2025-01-02T03:04:05.678Z"),
  default_visibility: 1,
  mentions: [],
  default_sensitive: false,
  default_language: "en",
  followers_count: 12n,
  following_count: 3n,
  statuses_count: 10_000_000_000n,
  last_status_at: new Date("2026-01-02T03:04:05.678Z"),
};

test.each([row, { ...row, last_status_at: null }])("a shared profile comes back as it was", (one) => {
  const profile = profileOf(one, '{"id":"1"');
  expect(sharedProfileForm.decode(sharedProfileForm.encode(profile))).toEqual(profile);
});
