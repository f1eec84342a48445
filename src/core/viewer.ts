import type { AccountId } from "./ids.ts";

/** Who is asking: what an access token stands for. */
export interface Viewer {
  /** Null for an app's own token (client credentials). */
  readonly accountId: AccountId | null;
  readonly appId: bigint | null;
  /** The app's name and website as they show on posts made with it. */
  readonly application: { readonly name: string; readonly website: string | null } | null;
  readonly tokenId: bigint;
  readonly scopes: readonly string[];
}

/** A viewer that is a person. */
export interface SignedIn extends Viewer {
  readonly accountId: AccountId;
}

/** Whether `granted` covers `needed`: "write" covers "write:statuses". */
export function covers(granted: readonly string[], needed: string): boolean {
  const [parent] = needed.split(":");
  return granted.includes(needed) || granted.includes(parent ?? needed);
}
