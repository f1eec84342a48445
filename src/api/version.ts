import manifest from "../../package.json" with { type: "json" };

/** Roost's own version. */
export const VERSION: string = manifest.version;

/** What clients of Mastodon look for: three numbers first, then who we are. */
export const API_VERSION = `4.3.0 (compatible; Roost ${VERSION})`;

/** Only what is built: OAuth with PKCE is level 3 of Mastodon's API versions, grouped notifications (2) are not. */
export const MASTODON_API_LEVEL = 1;
