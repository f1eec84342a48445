/** The database for commands that are not the server: their own, the running server's, or that of DATABASE_URL. */
import type { Config } from "../config.ts";
import type { DatabaseOptions, Db } from "../engines/database/pools.ts";
import type { Terminal } from "./terminal.ts";

export interface Admin extends AsyncDisposable {
  readonly db: Db;
  /** Whether a server has the embedded database open, so that what is done here is seen there at once. */
  readonly serverRuns: boolean;
}

const POOL_SIZE = 2;
const STATEMENT_TIMEOUT_MS = 60_000;

/** Brings the schema up to date first, unless told not to. */
export async function openAdmin(
  config: Config,
  { terminal, migrates = true }: { terminal: Terminal; migrates?: boolean },
): Promise<Admin> {
  const { Database, migrate } = await import("../engines/database/pools.ts");
  await using opened = new AsyncDisposableStack();
  const { connection, serverRuns } = await connect(config, opened, terminal);
  const database = opened.use(
    new Database({
      connection,
      poolSize: POOL_SIZE,
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
      log: (error) => {
        if (terminal.verbose) terminal.error(error.message);
      },
    }),
  );
  await database.ping();
  if (migrates && !serverRuns) await migrate(database.db);
  const open = opened.move();
  return { db: database.db, serverRuns, [Symbol.asyncDispose]: () => open.disposeAsync() };
}

interface Connected {
  readonly connection: DatabaseOptions["connection"];
  readonly serverRuns: boolean;
}

async function connect(config: Config, opened: AsyncDisposableStack, terminal: Terminal): Promise<Connected> {
  if (config.database.kind === "external") {
    return { connection: { connectionString: config.database.url }, serverRuns: false };
  }
  const { connectToRunningServer, EmbeddedServer } = await import("../engines/database/embedded-server.ts");
  const running = await connectToRunningServer(config.dataDir);
  if (running) return { connection: running, serverRuns: true };
  const server = opened.use(
    await EmbeddedServer.start({
      dataDir: config.dataDir,
      onProgress: (line: string) => {
        if (terminal.verbose) terminal.note(line);
      },
    }),
  );
  return { connection: server.connection, serverRuns: false };
}
