/**
 * The first schema. Two halves that later live on different databases, so no foreign key crosses between them:
 * the directory (accounts, credentials, relations, fan-out modes) and the shard (all that an account owns).
 */
import { type Kysely, sql } from "kysely";

export async function up(db: Kysely<never>): Promise<void> {
  for (const statement of [...functions, ...directory, ...shard, ...log])
    await sql.raw(statement).execute(db);
}

const functions = [
  // Ids are given out by the database of the shard, so that two API servers on one shard can't meet (core/ids.ts
  // has the layout). The sequence wraps inside its 12 bits; 4,096 ids a millisecond is far above what one database
  // commits.
  "create sequence id_sequence as bigint cycle",
  `create function next_id(shard int) returns bigint language sql volatile parallel unsafe as $$
     select ((extract(epoch from clock_timestamp()) * 1000)::bigint - 1420070400000) << 22
       | (shard::bigint << 12) | (nextval('id_sequence') & 4095)
   $$`,
];

const directory = [
  `create table accounts (
     id bigint primary key,
     username text not null,
     display_name text not null default '',
     note text not null default '',
     fields jsonb not null default '[]',
     avatar_key text,
     avatar_static_key text,
     header_key text,
     locked boolean not null default false,
     bot boolean not null default false,
     discoverable boolean not null default true,
     indexable boolean not null default false,
     hide_collections boolean not null default false,
     default_visibility smallint not null default 0,
     default_sensitive boolean not null default false,
     default_language text,
     suspended_at timestamptz,
     created_at timestamptz not null default now()
   )`,
  "create unique index accounts_username on accounts (lower(username))",
  // Prefix search on names; text_pattern_ops works whatever the collation.
  "create index accounts_display_name on accounts (lower(display_name) text_pattern_ops)",
  "create index accounts_username_prefix on accounts (lower(username) text_pattern_ops)",
  `create table credentials (
     account_id bigint primary key,
     email text not null,
     password_hash text not null,
     confirmed_at timestamptz,
     confirmation_token_hash bytea,
     locale text,
     created_at timestamptz not null default now()
   )`,
  "create unique index credentials_email on credentials (lower(email))",
  `create table oauth_apps (
     id bigint generated always as identity primary key,
     client_id text not null unique,
     client_secret_hash bytea not null,
     name text not null,
     website text,
     redirect_uris text[] not null,
     scopes text[] not null,
     created_at timestamptz not null default now()
   )`,
  `create table oauth_codes (
     code_hash bytea primary key,
     app_id bigint not null,
     account_id bigint not null,
     redirect_uri text not null,
     scopes text[] not null,
     code_challenge text,
     code_challenge_method text,
     expires_at timestamptz not null,
     used_at timestamptz
   )`,
  `create table access_tokens (
     id bigint generated always as identity primary key,
     token_hash bytea not null unique,
     app_id bigint,
     account_id bigint,
     scopes text[] not null,
     code_hash bytea,
     created_at timestamptz not null default now()
   )`,
  "create index access_tokens_account on access_tokens (account_id)",
  "create index access_tokens_code on access_tokens (code_hash) where code_hash is not null",
  `create table web_sessions (
     id_hash bytea primary key,
     account_id bigint,
     data jsonb not null,
     expires_at timestamptz not null
   )`,
  "create index web_sessions_account on web_sessions (account_id)",
  "create index web_sessions_expiry on web_sessions (expires_at)",
  `create table follows (
     id bigint generated always as identity,
     follower_id bigint not null,
     followee_id bigint not null,
     show_reblogs boolean not null default true,
     notify boolean not null default false,
     created_at timestamptz not null default now(),
     primary key (follower_id, followee_id)
   )`,
  // Fan-out reads followers in pages by follower id, with the boost switch in the same index-only scan.
  "create unique index follows_followers on follows (followee_id, follower_id) include (show_reblogs)",
  "create index follows_subscribers on follows (followee_id, follower_id) where notify",
  "create index follows_followers_page on follows (followee_id, id)",
  "create index follows_following_page on follows (follower_id, id)",
  `create table follow_counts (
     account_id bigint primary key,
     followers_count bigint not null default 0,
     following_count bigint not null default 0
   )`,
  `create table follow_requests (
     id bigint generated always as identity,
     requester_id bigint not null,
     target_id bigint not null,
     show_reblogs boolean not null default true,
     notify boolean not null default false,
     created_at timestamptz not null default now(),
     primary key (requester_id, target_id)
   )`,
  "create index follow_requests_target on follow_requests (target_id, id)",
  `create table blocks (
     id bigint generated always as identity,
     account_id bigint not null,
     target_id bigint not null,
     created_at timestamptz not null default now(),
     primary key (account_id, target_id)
   )`,
  "create index blocks_page on blocks (account_id, id)",
  "create index blocks_target on blocks (target_id, account_id)",
  `create table mutes (
     id bigint generated always as identity,
     account_id bigint not null,
     target_id bigint not null,
     hide_notifications boolean not null default true,
     expires_at timestamptz,
     created_at timestamptz not null default now(),
     primary key (account_id, target_id)
   )`,
  "create index mutes_page on mutes (account_id, id)",
  `create table account_notes (
     account_id bigint not null,
     target_id bigint not null,
     comment text not null,
     primary key (account_id, target_id)
   )`,
  // Bumped in the transaction of every change that can add entries to the account's home timeline.
  `create table relation_epochs (
     account_id bigint primary key,
     epoch bigint not null
   )`,
  `create table lists (
     id bigint primary key,
     account_id bigint not null,
     title text not null,
     replies_policy text not null default 'list',
     exclusive boolean not null default false,
     created_at timestamptz not null default now()
   )`,
  "create index lists_account on lists (account_id, id)",
  `create table list_members (
     id bigint generated always as identity,
     list_id bigint not null references lists (id) on delete cascade,
     member_id bigint not null,
     primary key (list_id, member_id)
   )`,
  "create index list_members_member on list_members (member_id, list_id)",
  `create table fan_out_modes (
     account_id bigint not null,
     from_status_id bigint not null,
     mode text not null check (mode in ('push', 'pull')),
     created_at timestamptz not null default now(),
     primary key (account_id, from_status_id)
   )`,
  `create table markers (
     account_id bigint not null,
     timeline text not null,
     last_read_id text not null,
     version int not null default 1,
     updated_at timestamptz not null default now(),
     primary key (account_id, timeline)
   )`,
];

const shard = [
  `create table statuses (
     id bigint primary key,
     author_id bigint not null,
     visibility smallint not null,
     text text not null default '',
     spoiler_text text not null default '',
     sensitive boolean not null default false,
     language text,
     in_reply_to_id bigint,
     in_reply_to_account_id bigint,
     reblog_of_id bigint,
     reblog_of_account_id bigint,
     application_name text,
     application_website text,
     created_at timestamptz not null,
     edited_at timestamptz
   )`,
  // The one index that timelines live on; what the candidate query needs is in it, so it's an index-only scan.
  `create index statuses_author on statuses (author_id, id desc)
     include (visibility, in_reply_to_account_id, reblog_of_id, reblog_of_account_id)`,
  "create unique index statuses_reblog on statuses (author_id, reblog_of_id) where reblog_of_id is not null",
  "create index statuses_reblogged on statuses (reblog_of_id, id) where reblog_of_id is not null",
  "create index statuses_replies on statuses (in_reply_to_id, id) where in_reply_to_id is not null",
  // Replies to an account by the accounts one follows: what following that account brings back besides its posts.
  `create index statuses_replied_account on statuses (in_reply_to_account_id, id desc) include (author_id)
     where in_reply_to_account_id is not null`,
  "create index statuses_public on statuses (id desc) where visibility = 0 and reblog_of_id is null",
  `create table status_counts (
     status_id bigint primary key,
     replies_count int not null default 0,
     reblogs_count int not null default 0,
     favourites_count int not null default 0
   )`,
  `create table author_counts (
     account_id bigint primary key,
     statuses_count bigint not null default 0,
     last_status_at timestamptz
   )`,
  `create table status_edits (
     id bigint generated always as identity primary key,
     status_id bigint not null,
     text text not null,
     spoiler_text text not null,
     sensitive boolean not null,
     media jsonb not null default '[]',
     created_at timestamptz not null
   )`,
  "create index status_edits_status on status_edits (status_id, id)",
  `create table status_mentions (
     status_id bigint not null,
     account_id bigint not null,
     username text not null,
     primary key (status_id, account_id)
   )`,
  "create index status_mentions_account on status_mentions (account_id, status_id desc)",
  `create table status_tags (
     status_id bigint not null,
     tag text not null,
     name text not null,
     primary key (status_id, tag)
   )`,
  "create index status_tags_tag on status_tags (tag text_pattern_ops, status_id desc)",
  `create table media_attachments (
     id bigint primary key,
     account_id bigint not null,
     status_id bigint,
     position smallint not null default 0,
     type text not null,
     mime text not null,
     original_key text not null,
     preview_key text not null,
     meta jsonb not null,
     blurhash text,
     description text,
     created_at timestamptz not null default now()
   )`,
  "create index media_attachments_status on media_attachments (status_id) where status_id is not null",
  "create index media_attachments_unattached on media_attachments (created_at) where status_id is null",
  `create table favourites (
     id bigint generated always as identity,
     account_id bigint not null,
     status_id bigint not null,
     created_at timestamptz not null default now(),
     primary key (account_id, status_id)
   )`,
  "create index favourites_page on favourites (account_id, id)",
  "create index favourites_status on favourites (status_id, id)",
  `create table bookmarks (
     id bigint generated always as identity,
     account_id bigint not null,
     status_id bigint not null,
     created_at timestamptz not null default now(),
     primary key (account_id, status_id)
   )`,
  "create index bookmarks_page on bookmarks (account_id, id)",
  "create index bookmarks_status on bookmarks (status_id)",
  `create table notifications (
     id bigint generated always as identity primary key,
     account_id bigint not null,
     type text not null,
     from_account_id bigint not null,
     status_id bigint,
     created_at timestamptz not null default now()
   )`,
  "create index notifications_account on notifications (account_id, id desc)",
  "create index notifications_status on notifications (status_id) where status_id is not null",
  // At-least-once events must not notify twice.
  `create unique index notifications_once on notifications
     (account_id, type, from_account_id, coalesce(status_id, 0))`,
  `create table idempotency_keys (
     account_id bigint not null,
     key text not null,
     status_id bigint not null,
     created_at timestamptz not null default now(),
     primary key (account_id, key)
   )`,
  "create index idempotency_keys_created on idempotency_keys (created_at)",
];

const log = [
  // Positions alone are handed out before commit, so a reader that remembers only the highest position would skip a
  // slower transaction. Ordered by (transaction id, position) and read below the oldest running transaction, nothing
  // can appear behind a reader.
  `create table event_log (
     position bigint generated always as identity,
     transaction_id xid8 not null default pg_current_xact_id(),
     topic text not null,
     key bigint not null,
     payload jsonb not null,
     created_at timestamptz not null default now(),
     primary key (topic, transaction_id, position)
   )`,
  `create table event_offsets (
     consumer_group text not null,
     topic text not null,
     transaction_id xid8 not null,
     position bigint not null,
     updated_at timestamptz not null default now(),
     primary key (consumer_group, topic)
   )`,
];
