import type { FastifyReply } from "fastify";
import Type from "typebox";
import { PROFILE_LIMITS } from "../accounts/edit-profile.ts";
import { findStatistics, findWeeks, type ServerStatistics } from "../discovery/statistics.ts";
import { MAX_INPUT_PIXELS } from "../media/limits.ts";
import { MAX_DESCRIPTION_CHARACTERS } from "../media/upload.ts";
import { MAX_MEDIA_ATTACHMENTS } from "../statuses/draft.ts";
import { readStale } from "./answer.ts";
import type { App } from "./app.ts";
import type { ApiContext } from "./context.ts";
import { MAX_UPLOAD_BYTES } from "./http/body-parsing.ts";
import { API_VERSION, MASTODON_API_LEVEL, VERSION } from "./version.ts";

const Anything = Type.Record(Type.String(), Type.Unknown());
/** Numbers as texts, as Mastodon has them. */
const Weeks = Type.Array(
  Type.Object({
    week: Type.String(),
    statuses: Type.String(),
    logins: Type.String(),
    registrations: Type.String(),
  }),
);

/** Parts of the API that this server has nothing for: an empty list is the honest answer, and clients start. */
const EMPTY_LISTS = [
  "/api/v1/custom_emojis",
  "/api/v1/filters",
  "/api/v2/filters",
  "/api/v1/announcements",
  "/api/v1/followed_tags",
  "/api/v1/accounts/:id/featured_tags",
  "/api/v1/featured_tags",
  "/api/v1/conversations",
  "/api/v1/trends",
  "/api/v1/trends/tags",
  "/api/v1/trends/statuses",
  "/api/v1/trends/links",
  "/api/v1/scheduled_statuses",
  "/api/v1/endorsements",
  "/api/v1/domain_blocks",
  "/api/v1/instance/peers",
  "/api/v1/instance/rules",
];

export function instanceRoutes(app: App, context: ApiContext): void {
  const open = { anonymous: true };
  app.get(
    "/api/v1/instance",
    { config: open, schema: { summary: "About this server", response: { 200: Anything } } },
    async (_, reply) => instanceV1(context, await statistics(context, reply)),
  );
  app.get(
    "/api/v2/instance",
    { config: open, schema: { summary: "About this server", response: { 200: Anything } } },
    async (_, reply) => instanceV2(context, await statistics(context, reply)),
  );
  for (const url of EMPTY_LISTS) {
    app.get(
      url,
      { config: open, schema: { summary: "Nothing yet", response: { 200: Type.Array(Type.Unknown()) } } },
      async () => [],
    );
  }
  app.get(
    "/api/v1/instance/activity",
    { config: open, schema: { summary: "Activity of the last 12 weeks", response: { 200: Weeks } } },
    async (_, reply) => {
      const weeks = await readStale(context, reply, [], (source) => findWeeks(source, context.clock.nowMs()));
      return weeks.map(({ week, statuses, logins, registrations }) => ({
        week: `${week}`,
        statuses: `${statuses}`,
        logins: `${logins}`,
        registrations: `${registrations}`,
      }));
    },
  );
  app.get("/.well-known/nodeinfo", { config: open, schema: { hide: true } }, async () => ({
    links: ["2.0", "2.1"].map((version) => ({
      rel: `http://nodeinfo.diaspora.software/ns/schema/${version}`,
      href: `${context.config.publicUrl}/nodeinfo/${version}`,
    })),
  }));
  for (const version of ["2.0", "2.1"]) {
    app.get(`/nodeinfo/${version}`, { config: open, schema: { hide: true } }, async (_, reply) =>
      nodeinfo(context, version, await statistics(context, reply)),
    );
  }
}

function nodeinfo(
  context: ApiContext,
  version: string,
  { users, statuses, activeMonth, activeHalfYear }: ServerStatistics,
) {
  return {
    version,
    software: { name: "roost", version: VERSION },
    protocols: [],
    services: { inbound: [], outbound: [] },
    usage: {
      users: { total: users, activeMonth, activeHalfyear: activeHalfYear },
      localPosts: statuses,
    },
    openRegistrations: context.config.signUps === "open",
    // Client libraries tell the API's dialect by the server's name; this says which one it is.
    metadata: { nodeName: context.config.instance.title, upstream: { name: "mastodon" } },
  };
}

function statistics(context: ApiContext, reply: FastifyReply): Promise<ServerStatistics> {
  return readStale(context, reply, [], findStatistics);
}

function configuration({ config }: ApiContext) {
  return {
    accounts: { max_featured_tags: 0, max_pinned_statuses: 0, max_profile_fields: PROFILE_LIMITS.fields },
    statuses: {
      max_characters: config.maxCharacters,
      max_media_attachments: MAX_MEDIA_ATTACHMENTS,
      characters_reserved_per_url: 23,
    },
    media_attachments: {
      description_limit: MAX_DESCRIPTION_CHARACTERS,
      supported_mime_types: ["image/jpeg", "image/png", "image/gif", "image/webp", "image/avif"],
      image_size_limit: MAX_UPLOAD_BYTES,
      image_matrix_limit: MAX_INPUT_PIXELS,
      video_size_limit: 0,
      video_frame_rate_limit: 0,
      video_matrix_limit: 0,
    },
    polls: { max_options: 0, max_characters_per_option: 0, min_expiration: 0, max_expiration: 0 },
  };
}

function instanceV1(context: ApiContext, { users, statuses }: ServerStatistics) {
  const { config } = context;
  return {
    uri: new URL(config.publicUrl).host,
    title: config.instance.title,
    short_description: config.instance.description,
    description: config.instance.description,
    email: config.instance.contactEmail,
    version: API_VERSION,
    urls: { streaming_api: config.publicUrl.replace(/^http/, "ws") },
    stats: { user_count: users, status_count: statuses, domain_count: 1 },
    thumbnail: `${config.publicUrl}/headers/1.svg`,
    languages: ["en"],
    registrations: config.signUps === "open",
    approval_required: false,
    invites_enabled: false,
    configuration: configuration(context),
    contact_account: null,
    rules: [],
  };
}

function instanceV2(context: ApiContext, { activeMonth }: ServerStatistics) {
  const { config } = context;
  return {
    domain: new URL(config.publicUrl).host,
    title: config.instance.title,
    version: API_VERSION,
    source_url: `${config.publicUrl}/about`,
    description: config.instance.description,
    usage: { users: { active_month: activeMonth } },
    thumbnail: { url: `${config.publicUrl}/headers/1.svg` },
    icon: [],
    languages: ["en"],
    configuration: {
      urls: {
        streaming: config.publicUrl.replace(/^http/, "ws"),
        status: null,
        about: null,
        privacy_policy: null,
        terms_of_service: null,
      },
      vapid: { public_key: "" },
      translation: { enabled: false },
      limited_federation: true,
      ...configuration(context),
    },
    registrations: {
      enabled: config.signUps === "open",
      approval_required: false,
      reason_required: false,
      message: null,
      min_age: null,
      url: null,
    },
    // Ours: the web app offers to look around.
    ...(config.demo ? { demo: { login: config.demo.login, name: config.demo.name } } : {}),
    api_versions: { mastodon: MASTODON_API_LEVEL },
    contact: { email: config.instance.contactEmail, account: null },
    rules: [],
  };
}
