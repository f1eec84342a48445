import { createHash } from "node:crypto";
import Type, { type Static } from "typebox";
import type { FoundTag, TagDay } from "../../discovery/search-tags.ts";
import type { Urls } from "./urls.ts";

export const Tag = Type.Object({
  id: Type.String(),
  name: Type.String(),
  url: Type.String(),
  history: Type.Array(Type.Object({ day: Type.String(), uses: Type.String(), accounts: Type.String() })),
  following: Type.Optional(Type.Boolean()),
});

export function tagJson(urls: Urls, { tag, name }: FoundTag, days: readonly TagDay[]): Static<typeof Tag> {
  const history = days.map(({ startMs, uses, accounts }) => ({
    day: `${startMs / 1_000}`,
    uses: `${uses}`,
    accounts: `${accounts}`,
  }));
  return { id: tagId(tag), name, url: urls.tag(name), history, following: false };
}

/** Tags have no rows of their own. Clients want a number that is always the same: 63 bits of a digest are that. */
function tagId(tag: string): string {
  return `${createHash("sha256").update(tag).digest().readBigUInt64BE() >> 1n}`;
}
