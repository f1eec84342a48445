/** A main database and some for shards, on one PostgreSQL server: what accounts own lies apart from the directory. */
import pg from "pg";
import { startEmbeddedServer } from "../../src/engines/database/embedded-server.ts";
import { makeDataDir, removeDataDir } from "./start-roost.ts";

export interface ShardDatabases extends AsyncDisposable {
  readonly mainUrl: string;
  readonly shardUrls: readonly string[];
  /** Settings that use them. */
  readonly env: Readonly<Record<string, string>>;
  /** Runs a statement on the database of this address. */
  query(url: string, text: string): Promise<Record<string, unknown>[]>;
}

export async function startShardDatabases(names: readonly string[]): Promise<ShardDatabases> {
  await using opened = new AsyncDisposableStack();
  const dataDir = makeDataDir();
  opened.defer(() => removeDataDir(dataDir));
  const { connection } = opened.use(await startEmbeddedServer({ dataDir, log: () => {} }));
  const { host, user, database, port } = connection;
  const urlOf = (name: string) => `postgres://${user}@localhost:${port}/${name}?host=${host}`;
  const query = async (url: string, text: string) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(text)).rows;
    } finally {
      await client.end();
    }
  };
  const mainUrl = urlOf(database);
  for (const name of names) await query(mainUrl, `create database ${name}`);
  const shardUrls = names.map(urlOf);
  const closing = opened.move();
  return {
    mainUrl,
    shardUrls,
    env: { DATABASE_URL: mainUrl, SHARD_URLS: shardUrls.join(","), DATABASE_POOL_SIZE: "8" },
    query,
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}
