/** What processes share of what they have loaded, a kind each. */
import { sharedProfileForm } from "../accounts/profiles.ts";
import { type KnownToken, sharedTokenForm } from "../accounts/tokens.ts";
import { FencedLevel } from "../engines/shared-cache/fenced-level.ts";
import { type Freshness, subjectOf } from "../engines/shared-cache/freshness.ts";
import { noSharedLevel } from "../engines/shared-cache/none.ts";
import type { SharedForm, SharedLevel } from "../engines/shared-cache/port.ts";
import { sharedStatusForm } from "../statuses/shared-status.ts";
import type { Engines } from "./engines.ts";

export function sharedLevels(engines: Engines, freshness: Freshness | null, keptMs: number) {
  const { sharedCache: cache, metrics, clock } = engines;
  const level = <Key, Value>(
    kind: string,
    form: SharedForm<Key, Value>,
    subject: (key: Key, value: Value) => string,
  ): SharedLevel<Key, Value> => {
    if (!cache || !freshness) return noSharedLevel();
    const onRead = (result: "hit" | "miss" | "stale", count: number) =>
      metrics.sharedCacheReads.inc({ kind, result }, count);
    return new FencedLevel({ cache, freshness, keptMs, clock, onRead, form, subjectOf: subject });
  };
  return {
    tokens: level("token", sharedTokenForm, (_, known) => subjectOfToken(known)),
    profiles: level("profile", sharedProfileForm, subjectOf.account),
    statuses: level("status", sharedStatusForm, subjectOf.status),
  };
}

/** A person's tokens end all at once, an app's own with the app's. */
function subjectOfToken({ viewer: { accountId, appId } }: KnownToken): string {
  return accountId === null ? subjectOf.tokensOfApp(appId ?? 0n) : subjectOf.tokensOfAccount(accountId);
}
