/** What doctor asks of the databases beside the main one: each of SHARD_URLS, and each replica. */
import type { Config } from "../../config.ts";
import { UnusableSetup } from "../../core/errors.ts";
import { problemsOfReplicas, requirePostgres } from "../../engines/database/inspect.ts";
import type { Check, Finding } from "./command.ts";
import { retagging } from "./database.ts";

const SHARE_MS_MAX = 5_000;

export const moreDatabaseChecks: readonly Check[] = [
  { name: "Shards", run: ({ config }) => shards(config) },
  { name: "Replicas", run: ({ config }) => replicas(config) },
];

async function shards({ shards }: Config): Promise<Finding> {
  if (shards.length === 0)
    return { status: "skipped", says: "SHARD_URLS is not set: one database holds everything" };
  const pooled = shards.filter(({ url, directUrl }) => directUrl !== url);
  const addresses = [
    ...shards.map(({ url }) => ({ setting: "SHARD_URLS", url })),
    ...pooled.map(({ directUrl }) => ({ setting: "SHARD_DIRECT_URLS", url: directUrl })),
  ];
  const problems: string[] = [];
  for (const { setting, url } of addresses) {
    await requirePostgres(setting, url).catch((error: unknown) => {
      if (!(error instanceof UnusableSetup)) throw error;
      problems.push(error.message);
    });
  }
  // What lies there can't be answered without it.
  const finding = found(addresses.length, problems, "failed");
  if (finding.status !== "ok") return finding;
  return { ...finding, says: `${finding.says}${retagging(await leastShare(shards))}` };
}

/** Of the database that is behind the others. One that no server has started with yet has nothing to be done. */
async function leastShare(shards: Config["shards"]): Promise<number> {
  const [{ Database }, { shareIn }] = await Promise.all([
    import("../../engines/database/pools.ts"),
    import("../../statuses/retag.ts"),
  ]);
  let least = 1;
  for (const { directUrl } of shards) {
    const connection = { connectionString: directUrl };
    await using database = new Database({
      connection,
      poolSize: 1,
      statementTimeoutMs: SHARE_MS_MAX,
      log: () => {},
    });
    least = Math.min(least, await shareIn(database.db).catch(() => 1));
  }
  return least;
}

async function replicas({ database }: Config): Promise<Finding> {
  if (database.kind !== "external" || database.replicaUrls.length === 0)
    return { status: "skipped", says: "DATABASE_REPLICA_URLS is not set" };
  const problems = await problemsOfReplicas(database.directUrl, database.replicaUrls);
  const wrong = problems.filter(({ isAway }) => !isAway);
  const says = [...wrong, ...problems.filter(({ isAway }) => isAway)].map((problem) => problem.says);
  // Without one that is away the others do its reads, and it comes back by itself. A wrong one is refused at the start.
  return found(database.replicaUrls.length, says, wrong.length > 0 ? "failed" : "warning");
}

/** Of several problems the first is told whole. */
function found(count: number, problems: readonly string[], status: "failed" | "warning"): Finding {
  const [first] = problems;
  if (first === undefined) return { status: "ok", says: `${count} can be used` };
  const [says = "", mend = ""] = first.split(/: (?=[^:]*$)/);
  const more = problems.length === 1 ? "" : ` (and ${problems.length - 1} more)`;
  return { status, says: `${says}${more}`, mend };
}
