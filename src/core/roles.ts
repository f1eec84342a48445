/** What a process does. A role needs nothing of another but the engines, so each can run as often as it's needed. */
export const ROLES = ["api", "streaming", "fanout", "jobs", "relay"] as const;

export type Role = (typeof ROLES)[number];

/** The others have a port only to tell how they are. */
export function takesRequests(roles: ReadonlySet<Role>): boolean {
  return roles.has("api") || roles.has("streaming");
}
