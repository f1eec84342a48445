import Type, { type Static } from "typebox";
import type { MentionTarget } from "../../statuses/text.ts";
import type { Urls } from "./urls.ts";

export const Mention = Type.Object({
  id: Type.String(),
  username: Type.String(),
  acct: Type.String(),
  url: Type.String(),
});

type Mentioned = readonly { readonly id: string; readonly username: string }[];

export function mentionEntity(id: string, username: string, urls: Urls): Static<typeof Mention> {
  return { id, username, acct: username, url: urls.profile(username) };
}

/** As texts name them. */
export function mentionsOf(mentioned: Mentioned, urls: Urls): ReadonlyMap<string, MentionTarget> {
  return new Map(
    mentioned.map(({ id, username }) => [
      username.toLowerCase(),
      { id: BigInt(id), username, url: urls.profile(username) },
    ]),
  );
}
