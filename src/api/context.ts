/** What the API's route files work with. Made in `composition.ts`. */

import type { AccountActivity } from "../accounts/activity.ts";
import type { ProfileCache } from "../accounts/profiles.ts";
import type { TokenCache } from "../accounts/tokens.ts";
import type { Config } from "../config.ts";
import type { Clock } from "../core/clock.ts";
import type { TellWrite } from "../core/invalidation.ts";
import type { MakeLimiter } from "../core/limits.ts";
import type { Metrics } from "../core/telemetry/metrics.ts";
import type { Database } from "../engines/database/pools.ts";
import type { RecentWrites } from "../engines/database/recent-writes.ts";
import type { LiveBus } from "../engines/live-bus/port.ts";
import type { Mailer } from "../engines/mailer/port.ts";
import type { MediaStore } from "../engines/media-store/port.ts";
import type { HomeTimelineContext } from "../feed/home-timeline.ts";
import type { ExpiryContext } from "../media/expiry.ts";
import type { RelationsContext } from "../relations/context.ts";
import type { StatusesContext } from "../statuses/context.ts";
import type { SpliceContext } from "../statuses/splice.ts";
import type { Urls } from "./entities/urls.ts";

export interface ApiContext {
  readonly config: Config;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly urls: Urls;
  readonly database: Database;
  readonly liveBus: LiveBus;
  readonly mediaStore: MediaStore;
  readonly expiry: ExpiryContext;
  readonly mailer: Mailer;
  readonly tokens: TokenCache;
  readonly activity: AccountActivity;
  readonly profiles: ProfileCache;
  /** What a replica must have for a reader. */
  readonly recentWrites: RecentWrites;
  readonly tellWrite: TellWrite;
  /** Before caches are read: afterwards none holds what a change made stale that was answered before the call. */
  readonly catchUp: () => Promise<void>;
  readonly makeLimiter: MakeLimiter;
  readonly home: HomeTimelineContext;
  readonly statuses: StatusesContext;
  readonly relations: RelationsContext;
  readonly splice: SpliceContext;
  /** Aborted when this process is about to stop: requests still work, but the next ones should go elsewhere. */
  readonly leaving: AbortSignal;
  /** What must hold before requests are taken: name → a check that throws. */
  readonly readiness: Readonly<Record<string, () => Promise<void>>>;
}
