/** What a process does. A role needs nothing of another but the engines, so each can run as often as it's needed. */
export const ROLES = ["api", "streaming", "fanout", "jobs", "relay"] as const;

export type Role = (typeof ROLES)[number];
