import Type, { type Static } from "typebox";
import type { Profile } from "../../accounts/profiles.ts";
import type { StatusVersion } from "../../statuses/edit.ts";
import type { StatusRow } from "../../statuses/queries.ts";
import { Account } from "./account.ts";
import { MediaAttachment } from "./media-attachment.ts";
import { contentOf, mediaEntity } from "./status.ts";
import type { Urls } from "./urls.ts";

export const StatusEdit = Type.Object({
  content: Type.String(),
  spoiler_text: Type.String(),
  sensitive: Type.Boolean(),
  created_at: Type.String(),
  account: Account,
  media_attachments: Type.Array(MediaAttachment),
  emojis: Type.Array(Type.Unknown()),
});

export const StatusSource = Type.Object({
  id: Type.String(),
  text: Type.String(),
  spoiler_text: Type.String(),
});

export function statusEditEntity(
  version: StatusVersion,
  row: StatusRow,
  author: Profile,
  urls: Urls,
): Static<typeof StatusEdit> {
  return {
    content: contentOf({ text: version.text, mentions: row.mentions }, urls),
    spoiler_text: version.spoiler_text,
    sensitive: version.sensitive,
    created_at: version.created_at.toISOString(),
    account: JSON.parse(author.json.toString()) as Account,
    media_attachments: version.media.map((media) => mediaEntity(media, urls)),
    emojis: [],
  };
}
