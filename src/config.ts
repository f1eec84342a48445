/** Every setting, its meaning and its default. The only reader of the environment. */
export interface Config {
  readonly host: string;
  readonly port: number;
  /** Absolute path. */
  readonly dataDir: string;
  /** Where people reach this server: scheme, host and port, no trailing slash. */
  readonly publicUrl: string;
  readonly database: { kind: "embedded" } | { kind: "external"; url: string };
  readonly databasePoolSize: number;
  readonly signUps: "open" | "closed";
  readonly rateLimits: boolean;
  readonly smtp: { url: string; from: string } | null;
  /** Addresses or CIDR ranges whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  readonly instance: { title: string; description: string; contactEmail: string };
  readonly maxCharacters: number;
  readonly fanOut: {
    /** An author with this many followers or more is read at read time (pull) instead of being pushed. */
    readonly pullFromFollowers: number;
    /** A pulled author goes back to push below this many followers. */
    readonly pushBelowFollowers: number;
    /** Around a switch both ways are used for this long, so stale knowledge of the switch is harmless. */
    readonly switchOverlapMs: number;
  };
  readonly timelines: { readonly maxEntries: number; readonly maxInMemory: number; readonly idleDays: number };
  readonly logLevel: "fatal" | "error" | "warn" | "info" | "debug" | "trace" | "silent";
}
