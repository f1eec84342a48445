/** All migrations in order. Forward only; each must be safe while the version before it still runs. */
import type { Migration } from "kysely/migration";
import * as first from "./0001-first.ts";
import * as eventLeases from "./0002-event-leases.ts";
import * as shards from "./0004-shards.ts";
import * as idClock from "./0005-id-clock.ts";
import * as shardMoves from "./0006-shard-moves.ts";
import * as mainDatabase from "./0007-main-database.ts";
import * as search from "./0012-search.ts";

export const migrations: Record<string, Migration> = {
  "0001-first": first,
  "0002-event-leases": eventLeases,
  "0004-shards": shards,
  "0005-id-clock": idClock,
  "0006-shard-moves": shardMoves,
  "0007-main-database": mainDatabase,
  "0012-search": search,
};
