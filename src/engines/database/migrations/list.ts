/** All migrations in order. Forward only; each must be safe while the version before it still runs. */
import type { Migration } from "kysely/migration";
import * as first from "./0001-first.ts";
import * as eventLeases from "./0002-event-leases.ts";
import * as shards from "./0004-shards.ts";
import * as idClock from "./0005-id-clock.ts";
import * as shardMoves from "./0006-shard-moves.ts";
import * as mainDatabase from "./0007-main-database.ts";
import * as whatCounts from "./0009-what-counts.ts";
import * as expiringFiles from "./0010-expiring-files.ts";
import * as retagging from "./0011-retagging.ts";
import * as search from "./0012-search.ts";
import * as webClient from "./0014-web-client.ts";
import * as serverStatistics from "./0015-server-statistics.ts";
import * as indexable from "./0016-indexable.ts";

export const migrations: Record<string, Migration> = {
  "0001-first": first,
  "0002-event-leases": eventLeases,
  "0004-shards": shards,
  "0005-id-clock": idClock,
  "0006-shard-moves": shardMoves,
  "0007-main-database": mainDatabase,
  "0009-what-counts": whatCounts,
  "0010-expiring-files": expiringFiles,
  "0011-retagging": retagging,
  "0012-search": search,
  "0014-web-client": webClient,
  "0015-server-statistics": serverStatistics,
  "0016-indexable": indexable,
};
