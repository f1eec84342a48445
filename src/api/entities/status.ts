import Type, { type Static } from "typebox";
import type { MediaRow, StatusRow } from "../../statuses/queries.ts";
import { renderContent } from "../../statuses/text.ts";
import { VISIBILITIES, visibilityOf } from "../../statuses/visibility.ts";
import { Account } from "./account.ts";
import { type MediaAttachment, MediaAttachment as MediaAttachmentSchema } from "./media-attachment.ts";
import { Mention, mentionEntity, mentionsOf } from "./mention.ts";
import type { Urls } from "./urls.ts";

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

const statusProperties = {
  id: Type.String(),
  created_at: Type.String(),
  in_reply_to_id: Nullable(Type.String()),
  in_reply_to_account_id: Nullable(Type.String()),
  sensitive: Type.Boolean(),
  spoiler_text: Type.String(),
  visibility: Type.Union(VISIBILITIES.map((visibility) => Type.Literal(visibility))),
  language: Nullable(Type.String()),
  uri: Type.String(),
  url: Nullable(Type.String()),
  edited_at: Nullable(Type.String()),
  content: Type.String(),
  text: Type.Optional(Nullable(Type.String())),
  application: Nullable(Type.Object({ name: Type.String(), website: Nullable(Type.String()) })),
  media_attachments: Type.Array(MediaAttachmentSchema),
  mentions: Type.Array(Mention),
  tags: Type.Array(Type.Object({ name: Type.String(), url: Type.String() })),
  emojis: Type.Array(Type.Unknown()),
  card: Type.Null(),
  poll: Type.Null(),
  account: Account,
  replies_count: Type.Integer(),
  reblogs_count: Type.Integer(),
  favourites_count: Type.Integer(),
  favourited: Type.Optional(Type.Boolean()),
  reblogged: Type.Optional(Type.Boolean()),
  muted: Type.Optional(Type.Boolean()),
  bookmarked: Type.Optional(Type.Boolean()),
  filtered: Type.Optional(Type.Array(Type.Unknown())),
};

export const Status = Type.Object({
  ...statusProperties,
  reblog: Nullable(Type.Object({ ...statusProperties, reblog: Type.Null() })),
});
export type Status = Static<typeof Status>;

/** The JSON text before and after the author's account; the viewer's marks and the closing brace come behind. */
export function renderStatus(
  row: StatusRow,
  authorUsername: string,
  urls: Urls,
): { head: string; tail: string } {
  const isReblog = row.reblog_of_id !== null;
  const url = urls.status(authorUsername, row.id);
  const before = {
    id: `${row.id}`,
    created_at: row.created_at.toISOString(),
    in_reply_to_id: row.in_reply_to_id === null ? null : `${row.in_reply_to_id}`,
    in_reply_to_account_id: row.in_reply_to_account_id === null ? null : `${row.in_reply_to_account_id}`,
    sensitive: row.sensitive,
    spoiler_text: row.spoiler_text,
    visibility: visibilityOf(row.visibility),
    language: row.language,
    uri: url,
    url,
    edited_at: row.edited_at?.toISOString() ?? null,
    content: isReblog ? "" : contentOf(row, urls),
    application: applicationOf(row),
    media_attachments: row.media.map((media) => mediaEntity(media, urls)),
    mentions: row.mentions.map(({ id, username }) => mentionEntity(id, username, urls)),
    tags: row.tags.map((name) => ({ name, url: urls.tag(name) })),
    emojis: [],
    card: null,
    poll: null,
  };
  const after = {
    replies_count: row.replies_count,
    reblogs_count: row.reblogs_count,
    favourites_count: row.favourites_count,
  };
  // The braces are cut off: what stands between them is spliced with the account and the marks.
  const head = `${JSON.stringify(before).slice(0, -1)},"account":`;
  const tail = `,${JSON.stringify(after).slice(1, -1)}`;
  return { head, tail };
}

export function contentOf(row: Pick<StatusRow, "text" | "mentions">, urls: Urls): string {
  const mentions = mentionsOf(row.mentions, urls);
  return renderContent(row.text, { mentions, ownHost: new URL(urls.base).host, baseUrl: urls.base });
}

export function mediaEntity(media: MediaRow, urls: Urls): MediaAttachment {
  return {
    id: media.id,
    type: media.type as MediaAttachment["type"],
    url: urls.media(media.original_key),
    preview_url: urls.media(media.preview_key),
    remote_url: null,
    text_url: null,
    meta: media.meta,
    description: media.description,
    blurhash: media.blurhash,
  };
}

function applicationOf(row: StatusRow): { name: string; website: string | null } | null {
  return row.application_name === null
    ? null
    : { name: row.application_name, website: row.application_website };
}
