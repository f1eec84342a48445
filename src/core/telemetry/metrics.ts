/** All metrics of Roost, by name. Seconds and bytes; labels from closed sets. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "@prometheus-io/client";

export class Metrics {
  readonly registry = new Registry();

  readonly httpRequestSeconds = new Histogram({
    name: "roost_http_request_duration_seconds",
    help: "Time from the request's first byte to the answer's last, by route",
    labelNames: ["route", "method", "status_class"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [this.registry],
  });
  readonly timelineReads = new Counter({
    name: "roost_timeline_read_total",
    help: "Reads of stored home timelines, by result",
    labelNames: ["result"],
    registers: [this.registry],
  });
  readonly deliveries = new Counter({
    name: "roost_fanout_deliveries_total",
    help: "Statuses delivered to followers, by lane",
    labelNames: ["lane"],
    registers: [this.registry],
  });
  readonly postVisibleSeconds = new Histogram({
    name: "roost_post_visible_seconds",
    help: "Time from a status's id to its delivery to the last follower of a chunk",
    labelNames: ["lane"],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 30],
    registers: [this.registry],
  });
  readonly streamConnections = new Gauge({
    name: "roost_stream_connections",
    help: "Open streams, by transport",
    labelNames: ["transport"],
    registers: [this.registry],
  });
  readonly shed = new Counter({
    name: "roost_shed_total",
    help: "Requests refused, by reason",
    labelNames: ["reason"],
    registers: [this.registry],
  });
  readonly eventsWaiting = new Gauge({
    name: "roost_events_waiting",
    help: "Records of a topic that a group hasn't consumed",
    labelNames: ["topic", "group"],
    registers: [this.registry],
  });
  readonly eventsWaitingSeconds = new Gauge({
    name: "roost_events_waiting_seconds",
    help: "Age of the oldest record of a topic that a group hasn't consumed",
    labelNames: ["topic", "group"],
    registers: [this.registry],
  });
  readonly deadLetters = new Counter({
    name: "roost_dead_letters_total",
    help: "Records that no attempt could handle",
    labelNames: ["topic", "group"],
    registers: [this.registry],
  });
  readonly sharedCacheReads = new Counter({
    name: "roost_shared_cache_reads_total",
    help: "Values that weren't in this process's memory and were looked for in Redis, by kind and result",
    labelNames: ["kind", "result"],
    registers: [this.registry],
  });
  readonly retagged = new Gauge({
    name: "roost_retagged_ratio",
    help: "Share of the posts whose hashtags were found by the rules of this version",
    registers: [this.registry],
  });
  readonly timelines = new Gauge({
    name: "roost_timelines_stored",
    help: "Home timelines in the store of this process",
    registers: [this.registry],
  });
  readonly redisAway = new Gauge({
    name: "roost_redis_away",
    help: "1 while Redis, or a part of it, can't be used",
    registers: [this.registry],
  });
  readonly mediaStoreAway = new Gauge({
    name: "roost_media_store_away",
    help: "1 while S3, where media are kept, can't be used",
    registers: [this.registry],
  });
  readonly mediaDeletedFiles = new Counter({
    name: "roost_media_deleted_files_total",
    help: "Files of media that were deleted",
    registers: [this.registry],
  });
  readonly mediaDeletedBytes = new Counter({
    name: "roost_media_deleted_bytes_total",
    help: "What they had",
    registers: [this.registry],
  });
  readonly mediaDeleteFailures = new Counter({
    name: "roost_media_delete_failures_total",
    help: "Attempts to delete a file of media that failed; each is made again",
    registers: [this.registry],
  });
  readonly mediaWaiting = new Gauge({
    name: "roost_media_waiting_files",
    help: "Files of media that are to be deleted and still there",
    registers: [this.registry],
    // Each process tells the same.
    aggregator: "max",
  });
  readonly databaseConnections = new Gauge({
    name: "roost_database_connections",
    help: "Connections to the databases, by state",
    labelNames: ["state"],
    registers: [this.registry],
    collect: () => this.beforeTold(),
  });

  /** Called before metrics are told, for those that are looked up rather than counted. */
  beforeTold: () => void = () => {};
  /** What this process tells; set anew where it speaks for others too. */
  tell: () => Promise<string> = () => this.registry.metrics();

  readonly replicaLagSeconds = new Gauge({
    name: "roost_replica_lag_seconds",
    help: "How old a replica's data may be; absent when it isn't known",
    labelNames: ["replica"],
    registers: [this.registry],
  });
  readonly replicaLagBytes = new Gauge({
    name: "roost_replica_lag_bytes",
    help: "How far a replica is behind in the primary's log",
    labelNames: ["replica"],
    registers: [this.registry],
  });
  readonly replicaTakesReads = new Gauge({
    name: "roost_replica_takes_reads",
    help: "1 when a replica is near enough to take reads",
    labelNames: ["replica"],
    registers: [this.registry],
  });

  readonly replicaReads = new Counter({
    name: "roost_replica_reads_total",
    help: "Reads that may be a moment old, by who answered: a replica, or the primary",
    labelNames: ["database"],
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry, prefix: "roost_" });
  }
}
