/** The tables as Kysely sees them. int8 is `bigint`, timestamptz is `Date`, jsonb is what was put in. */
import type { ColumnType, Generated } from "kysely";

type Json<T> = ColumnType<T, string, string>;
type Defaulted<T> = ColumnType<T, T | undefined, T>;

export interface Schema {
  accounts: AccountsTable;
  credentials: {
    account_id: bigint;
    email: string;
    password_hash: string;
    confirmed_at: Date | null;
    confirmation_token_hash: Buffer | null;
    locale: string | null;
    created_at: Defaulted<Date>;
  };
  oauth_apps: {
    id: Generated<bigint>;
    client_id: string;
    client_secret_hash: Buffer;
    name: string;
    website: string | null;
    redirect_uris: string[];
    scopes: string[];
    created_at: Defaulted<Date>;
  };
  oauth_codes: {
    code_hash: Buffer;
    app_id: bigint;
    account_id: bigint;
    redirect_uri: string;
    scopes: string[];
    code_challenge: string | null;
    code_challenge_method: string | null;
    expires_at: Date;
    used_at: Date | null;
  };
  access_tokens: {
    id: Generated<bigint>;
    token_hash: Buffer;
    app_id: bigint | null;
    account_id: bigint | null;
    scopes: string[];
    code_hash: Buffer | null;
    created_at: Defaulted<Date>;
  };
  web_sessions: { id_hash: Buffer; account_id: bigint | null; data: Json<unknown>; expires_at: Date };
  follows: {
    id: Generated<bigint>;
    follower_id: bigint;
    followee_id: bigint;
    show_reblogs: Defaulted<boolean>;
    notify: Defaulted<boolean>;
    created_at: Defaulted<Date>;
  };
  follow_counts: {
    account_id: bigint;
    followers_count: Defaulted<bigint>;
    following_count: Defaulted<bigint>;
  };
  follow_requests: {
    id: Generated<bigint>;
    requester_id: bigint;
    target_id: bigint;
    show_reblogs: Defaulted<boolean>;
    notify: Defaulted<boolean>;
    created_at: Defaulted<Date>;
  };
  blocks: { id: Generated<bigint>; account_id: bigint; target_id: bigint; created_at: Defaulted<Date> };
  mutes: {
    id: Generated<bigint>;
    account_id: bigint;
    target_id: bigint;
    hide_notifications: Defaulted<boolean>;
    expires_at: Date | null;
    created_at: Defaulted<Date>;
  };
  account_notes: { account_id: bigint; target_id: bigint; comment: string };
  relation_epochs: { account_id: bigint; epoch: bigint };
  lists: {
    id: bigint;
    account_id: bigint;
    title: string;
    replies_policy: string;
    exclusive: boolean;
    created_at: Defaulted<Date>;
  };
  list_members: { id: Generated<bigint>; list_id: bigint; member_id: bigint };
  fan_out_modes: {
    account_id: bigint;
    from_status_id: bigint;
    mode: "push" | "pull";
    created_at: Defaulted<Date>;
  };
  markers: {
    account_id: bigint;
    timeline: string;
    last_read_id: string;
    version: Defaulted<number>;
    updated_at: Defaulted<Date>;
  };
  statuses: StatusesTable;
  status_counts: {
    status_id: bigint;
    replies_count: Defaulted<number>;
    reblogs_count: Defaulted<number>;
    favourites_count: Defaulted<number>;
  };
  author_counts: { account_id: bigint; statuses_count: Defaulted<bigint>; last_status_at: Date | null };
  status_edits: {
    id: Generated<bigint>;
    status_id: bigint;
    text: string;
    spoiler_text: string;
    sensitive: boolean;
    media: Json<unknown>;
    created_at: Date;
  };
  status_mentions: { status_id: bigint; account_id: bigint; username: string };
  status_tags: { status_id: bigint; tag: string; name: string };
  retagging: {
    only_row: Defaulted<boolean>;
    rules: Defaulted<number>;
    lap: Defaulted<number>;
    status_id: Defaulted<bigint>;
    began_at: Defaulted<Date>;
    ended_at: Date | null;
  };
  status_words: { status_id: bigint; words: string | null };
  search_progress: { only_row: Defaulted<boolean>; filled_from: bigint; filled_to: bigint };
  media_attachments: {
    id: bigint;
    account_id: bigint;
    status_id: bigint | null;
    position: Defaulted<number>;
    type: string;
    mime: string;
    original_key: string;
    preview_key: string;
    meta: Json<Record<string, unknown>>;
    blurhash: string | null;
    description: string | null;
    created_at: Defaulted<Date>;
    /** The status whose history shows it, when an edit has taken it away. */
    history_status_id: bigint | null;
  };
  /** See `expiring-files.ts`. */
  expiring_files: {
    key: string;
    account_id: bigint | null;
    media_id: bigint | null;
    expires_at: Date;
    claimed_until: Date | null;
  };
  favourites: { id: Generated<bigint>; account_id: bigint; status_id: bigint; created_at: Defaulted<Date> };
  bookmarks: { id: Generated<bigint>; account_id: bigint; status_id: bigint; created_at: Defaulted<Date> };
  notifications: {
    id: Generated<bigint>;
    account_id: bigint;
    type: string;
    from_account_id: bigint;
    status_id: bigint | null;
    created_at: Defaulted<Date>;
  };
  recount_progress: { what: string; done_to: Defaulted<bigint>; ends_at: bigint };
  idempotency_keys: { account_id: bigint; key: string; status_id: bigint; created_at: Defaulted<Date> };
  event_log: {
    position: Generated<bigint>;
    transaction_id: Generated<string>;
    topic: string;
    key: bigint;
    payload: Json<unknown>;
    created_at: Defaulted<Date>;
  };
  event_offsets: {
    consumer_group: string;
    topic: string;
    transaction_id: string;
    position: bigint;
    updated_at: Defaulted<Date>;
    holder: string | null;
    held_until: Defaulted<Date>;
  };
}

interface AccountsTable {
  id: bigint;
  username: string;
  display_name: Defaulted<string>;
  note: Defaulted<string>;
  fields: ColumnType<{ name: string; value: string }[], string | undefined, string>;
  avatar_key: string | null;
  avatar_static_key: string | null;
  header_key: string | null;
  locked: Defaulted<boolean>;
  bot: Defaulted<boolean>;
  discoverable: Defaulted<boolean>;
  unindexable: Defaulted<boolean>;
  hide_collections: Defaulted<boolean>;
  default_visibility: Defaulted<number>;
  default_sensitive: Defaulted<boolean>;
  default_language: string | null;
  words: string | null;
  suspended_at: Date | null;
  created_at: Defaulted<Date>;
}

interface StatusesTable {
  id: bigint;
  author_id: bigint;
  visibility: number;
  text: Defaulted<string>;
  spoiler_text: Defaulted<string>;
  sensitive: Defaulted<boolean>;
  language: string | null;
  in_reply_to_id: bigint | null;
  in_reply_to_account_id: bigint | null;
  reblog_of_id: bigint | null;
  reblog_of_account_id: bigint | null;
  application_name: string | null;
  application_website: string | null;
  created_at: Date;
  edited_at: Date | null;
}
