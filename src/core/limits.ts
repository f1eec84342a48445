/** How often something may be done: so many points in so many seconds, for each key. */
import { type RateLimiterAbstract, RateLimiterMemory } from "rate-limiter-flexible";

export interface Limit {
  readonly points: number;
  /** In seconds. */
  readonly duration: number;
}

/** One counter for each name, in every process that has the same engine. */
export type MakeLimiter = (name: string, limit: Limit) => RateLimiterAbstract;

/** Counts in this process. */
export const memoryLimiter: MakeLimiter = (name, limit) =>
  new RateLimiterMemory({ keyPrefix: name, ...limit });
