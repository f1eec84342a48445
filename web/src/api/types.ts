/** The entities of the Mastodon client API, as far as this app reads them. Ids are decimal text, never numbers. */

export type Visibility = "public" | "unlisted" | "private" | "direct";

export interface Account {
  id: string;
  username: string;
  acct: string;
  url: string;
  display_name: string;
  note: string;
  avatar: string;
  avatar_static: string;
  header: string;
  locked: boolean;
  bot: boolean;
  fields: { name: string; value: string; verified_at: string | null }[];
  emojis: CustomEmoji[];
  created_at: string;
  last_status_at: string | null;
  statuses_count: number;
  followers_count: number;
  following_count: number;
  hide_collections?: boolean;
  suspended?: boolean;
}

export interface CredentialAccount extends Account {
  source: {
    privacy: Visibility;
    sensitive: boolean;
    language: string | null;
    note: string;
    fields: { name: string; value: string }[];
    follow_requests_count: number;
    hide_collections?: boolean;
    discoverable?: boolean;
    indexable?: boolean;
  };
}

export interface CustomEmoji {
  shortcode: string;
  url: string;
  static_url: string;
}

export interface MediaSize {
  width?: number;
  height?: number;
  aspect?: number;
}

export interface MediaAttachment {
  id: string;
  type: "image" | "gifv" | "video" | "audio" | "unknown";
  url: string | null;
  preview_url: string | null;
  description: string | null;
  blurhash: string | null;
  meta: { original?: MediaSize; small?: MediaSize; focus?: { x: number; y: number } } | null;
}

export interface Mention {
  id: string;
  username: string;
  acct: string;
  url: string;
}

export interface Tag {
  name: string;
  url: string;
  history?: { day: string; uses: string; accounts: string }[];
}

export interface Status {
  id: string;
  uri: string;
  url: string | null;
  created_at: string;
  edited_at: string | null;
  account: Account;
  content: string;
  text?: string | null;
  spoiler_text: string;
  sensitive: boolean;
  visibility: Visibility;
  language: string | null;
  in_reply_to_id: string | null;
  in_reply_to_account_id: string | null;
  reblog: Status | null;
  media_attachments: MediaAttachment[];
  mentions: Mention[];
  tags: Tag[];
  emojis: CustomEmoji[];
  replies_count: number;
  reblogs_count: number;
  favourites_count: number;
  favourited?: boolean;
  reblogged?: boolean;
  bookmarked?: boolean;
  muted?: boolean;
  application?: { name: string; website: string | null } | null;
}

export interface StatusEdit {
  content: string;
  spoiler_text: string;
  sensitive: boolean;
  created_at: string;
  account: Account;
  media_attachments: MediaAttachment[];
}

export interface StatusSource {
  id: string;
  text: string;
  spoiler_text: string;
}

export interface ThreadContext {
  ancestors: Status[];
  descendants: Status[];
}

export interface Notification {
  id: string;
  type:
    | "mention"
    | "status"
    | "reblog"
    | "follow"
    | "follow_request"
    | "favourite"
    | "poll"
    | "update"
    | string;
  created_at: string;
  account: Account;
  status?: Status | null;
}

export interface Relationship {
  id: string;
  following: boolean;
  showing_reblogs: boolean;
  followed_by: boolean;
  blocking: boolean;
  blocked_by: boolean;
  muting: boolean;
  requested: boolean;
  requested_by: boolean;
  note: string;
}

export interface UserList {
  id: string;
  title: string;
  replies_policy: "list" | "followed" | "none";
  exclusive: boolean;
}

export interface SearchResults {
  accounts: Account[];
  statuses: Status[];
  hashtags: Tag[];
}

export interface Suggestion {
  source: string;
  account: Account;
}

export interface Instance {
  domain: string;
  title: string;
  version: string;
  description: string;
  registrations: { enabled: boolean; approval_required: boolean; message: string | null };
  configuration: {
    urls: { streaming: string };
    statuses: { max_characters: number; max_media_attachments: number; characters_reserved_per_url: number };
    accounts: { max_profile_fields?: number };
    media_attachments: {
      supported_mime_types: string[];
      image_size_limit: number;
      description_limit?: number;
    };
  };
  contact: { email: string; account: Account | null };
  rules: { id: string; text: string }[];
  usage: { users: { active_month: number } };
  /** On a demo: whom anybody may look around as. */
  demo?: { login: string; name: string };
}

export interface OAuthToken {
  access_token: string;
  token_type: string;
  scope: string;
}
