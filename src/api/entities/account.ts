import Type, { type Static } from "typebox";
import type { ProfileRow } from "../../accounts/profiles.ts";
import { type RenderContext, renderContent, renderField } from "../../statuses/text.ts";
import { mentionsOf } from "./mention.ts";
import type { Urls } from "./urls.ts";

export const AccountField = Type.Object({
  name: Type.String(),
  value: Type.String(),
  verified_at: Type.Null(),
});

export const Account = Type.Object({
  id: Type.String(),
  username: Type.String(),
  acct: Type.String(),
  url: Type.String(),
  uri: Type.String(),
  display_name: Type.String(),
  note: Type.String(),
  avatar: Type.String(),
  avatar_static: Type.String(),
  header: Type.String(),
  header_static: Type.String(),
  locked: Type.Boolean(),
  fields: Type.Array(AccountField),
  emojis: Type.Array(Type.Unknown()),
  bot: Type.Boolean(),
  group: Type.Boolean(),
  discoverable: Type.Boolean(),
  indexable: Type.Boolean(),
  noindex: Type.Boolean(),
  hide_collections: Type.Boolean(),
  suspended: Type.Optional(Type.Boolean()),
  created_at: Type.String(),
  last_status_at: Type.Union([Type.String(), Type.Null()]),
  statuses_count: Type.Integer(),
  followers_count: Type.Integer(),
  following_count: Type.Integer(),
  roles: Type.Array(Type.Unknown()),
});
export type Account = Static<typeof Account>;

/** As one's list of mutes shows it. */
export const MutedAccount = Type.Object({
  ...Account.properties,
  mute_expires_at: Type.Union([Type.String(), Type.Null()]),
});

/** Without the counts, which `accounts/profiles.ts` adds: they change with every post. */
export function renderAccount(row: ProfileRow, urls: Urls): string {
  const avatar = row.avatar_key ? urls.media(row.avatar_key) : urls.defaultAvatar(row.id);
  const context: RenderContext = {
    mentions: mentionsOf(row.mentions, urls),
    ownHost: new URL(urls.base).host,
    baseUrl: urls.base,
  };
  const header = row.header_key ? urls.media(row.header_key) : urls.defaultHeader(row.id);
  const account: Omit<Account, "last_status_at" | "statuses_count" | "followers_count" | "following_count"> =
    {
      id: `${row.id}`,
      username: row.username,
      acct: row.username,
      url: urls.profile(row.username),
      uri: urls.profile(row.username),
      display_name: row.suspended ? "" : row.display_name,
      note: row.suspended ? "" : renderContent(row.note, context),
      avatar,
      avatar_static: row.avatar_static_key ? urls.media(row.avatar_static_key) : avatar,
      header,
      header_static: header,
      locked: row.locked,
      fields: row.suspended
        ? []
        : row.fields.map(({ name, value }) => ({
            name,
            value: renderField(value, context),
            verified_at: null,
          })),
      emojis: [],
      bot: row.bot,
      group: false,
      discoverable: row.discoverable,
      indexable: row.indexable,
      noindex: !row.indexable,
      hide_collections: row.hide_collections,
      ...(row.suspended ? { suspended: true } : {}),
      // Mastodon dates accounts by the day; the time of sign-up is nobody's business.
      created_at: `${row.created_at.toISOString().slice(0, 10)}T00:00:00.000Z`,
      roles: [],
    };
  return JSON.stringify(account).slice(0, -1);
}
