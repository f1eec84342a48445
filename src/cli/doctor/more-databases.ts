/** What doctor asks of the databases beside the main one: each of SHARD_URLS, and each replica. */
import { UnusableSetup } from "../../core/errors.ts";
import { requirePostgres } from "../../engines/database/inspect.ts";
import type { Check, Finding } from "./command.ts";

export const moreDatabaseChecks: readonly Check[] = [
  {
    name: "Shards",
    run: ({ config: { shards } }) =>
      found(
        [
          ...shards.map(({ url }) => ({ setting: "SHARD_URLS", url })),
          ...shards
            .filter(({ url, directUrl }) => directUrl !== url)
            .map(({ directUrl }) => ({ setting: "SHARD_DIRECT_URLS", url: directUrl })),
        ],
        {
          none: "SHARD_URLS is not set: one database holds everything",
          // What lies there can't be answered without it.
          missing: "failed",
        },
      ),
  },
  {
    name: "Replicas",
    run: ({ config }) =>
      found(
        (config.database.kind === "external" ? config.database.replicaUrls : []).map((url) => ({
          setting: "DATABASE_REPLICA_URLS",
          url,
        })),
        // Without it the others do its reads, and it comes back by itself.
        { none: "DATABASE_REPLICA_URLS is not set", missing: "warning" },
      ),
  },
];

async function found(
  addresses: readonly { setting: string; url: string }[],
  { none, missing }: { none: string; missing: "failed" | "warning" },
): Promise<Finding> {
  if (addresses.length === 0) return { status: "skipped", says: none };
  const problems: string[] = [];
  for (const { setting, url } of addresses) {
    await requirePostgres(setting, url).catch((error: unknown) => {
      if (!(error instanceof UnusableSetup)) throw error;
      problems.push(error.message);
    });
  }
  const [first] = problems;
  if (first === undefined) return { status: "ok", says: `${addresses.length} can be used` };
  const [says = "", mend = ""] = first.split(/: (?=[^:]*$)/);
  const more = problems.length === 1 ? "" : ` (and ${problems.length - 1} more)`;
  return { status: missing, says: `${says}${more}`, mend };
}
