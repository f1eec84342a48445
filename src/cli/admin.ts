/** The database for commands that are not the server: their own, the running server's, or that of DATABASE_URL. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config.ts";
import type { Database, DatabaseOptions, Db } from "../engines/database/pools.ts";
import { requireFolder } from "./data-folder.ts";
import { CommandError, exitCodes } from "./exit-codes.ts";
import { onStopSignal } from "./stop-signals.ts";
import type { Terminal } from "./terminal.ts";

export interface Admin extends AsyncDisposable {
  readonly database: Database;
  readonly db: Db;
  /** Whether a server has the embedded database open, so that what is done here is seen there at once. */
  readonly serverRuns: boolean;
}

const POOL_SIZE = 2;
const STATEMENT_TIMEOUT_MS = 60_000;

interface AdminOptions {
  readonly terminal: Terminal;
  /** Brings the schema up to date first, unless told not to. */
  readonly migrates?: boolean;
  /** Makes the database when there is none. Otherwise that is refused: a folder may be misspelt. */
  readonly creates?: boolean;
}

export async function openAdmin(
  config: Config,
  { terminal, migrates = true, creates = false }: AdminOptions,
): Promise<Admin> {
  if (config.database.kind === "embedded") requireFolder(config.dataDir);
  if (!creates && config.database.kind === "embedded" && !(await embeddedFolder(config.dataDir)))
    throw nothingIn(`DATA_DIR is ${config.dataDir}, where no Roost has kept anything yet.`, "DATA_DIR");
  const { Database, migrationState } = await import("../engines/database/pools.ts");
  await using opened = new AsyncDisposableStack();
  const { connection, serverRuns } = await connect(config, opened, terminal);
  const database = opened.use(
    new Database({
      connection,
      poolSize: POOL_SIZE,
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
      log: (why) => {
        if (terminal.verbose) terminal.error(why);
      },
    }),
  );
  await database.ping();
  if (
    !creates &&
    migrates &&
    config.database.kind === "external" &&
    (await migrationState(database.db)).isEmpty
  )
    throw nothingIn("DATABASE_URL names a database that no Roost has used yet.", "DATABASE_URL");
  if (migrates && !serverRuns) {
    const { requireMain } = await import("../engines/database/shard-map.ts");
    await database.migrate();
    await requireMain(database.db);
  }
  const open = opened.move();
  return { database, db: database.db, serverRuns, [Symbol.asyncDispose]: () => open.disposeAsync() };
}

function nothingIn(sentence: string, setting: string): CommandError {
  return new CommandError(exitCodes.config, sentence, {
    hint: `Correct ${setting}, or make a database there: \`roost start\`, \`roost migrate\` and \`roost accounts create\` do.`,
  });
}

/** Where the embedded PostgreSQL keeps its data, or null when it has never been set up. */
export async function embeddedFolder(dataDir: string): Promise<string | null> {
  const { knownFolder } = await import("../engines/database/embedded-place.ts");
  const folder = knownFolder(dataDir);
  return folder !== null && existsSync(join(folder, "data", "PG_VERSION")) ? folder : null;
}

interface Connected {
  readonly connection: DatabaseOptions["connection"];
  readonly serverRuns: boolean;
}

async function connect(config: Config, opened: AsyncDisposableStack, terminal: Terminal): Promise<Connected> {
  const { database, dataDir } = config;
  if (database.kind === "external")
    return { connection: { connectionString: database.directUrl }, serverRuns: false };
  const { connectToRunningServer, startEmbeddedServer } = await import(
    "../engines/database/embedded-server.ts"
  );
  const { isDataDirLocked } = await import("../engines/database/data-dir-lock.ts");
  if (existsSync(dataDir) && (await isDataDirLocked(dataDir))) {
    const connection = await connectToRunningServer(dataDir);
    if (connection) return { connection, serverRuns: true };
    throw new CommandError(
      exitCodes.tryLater,
      `The Roost on ${dataDir} is starting or stopping; try again in a moment.`,
    );
  }
  const log = (line: string) => {
    if (terminal.verbose) terminal.note(line);
  };
  // Ctrl-C ends a command at once, and with it the PostgreSQL that it has started.
  const interrupt = () => process.exit(exitCodes.interrupted);
  opened.defer(onStopSignal({ stop: interrupt, stopAtOnce: interrupt }));
  const server = opened.use(await startEmbeddedServer({ dataDir, log }));
  return { connection: server.connection, serverRuns: false };
}

/** Where the server whose data these are can be reached: its settings may have been other flags than a command's. */
export function addressOfServer(config: Config): string | null {
  try {
    return readFileSync(addressFile(config), "utf8");
  } catch {
    return null;
  }
}

/** Told by the server once it listens. Only meant while it runs. */
export function tellAddress(config: Config): void {
  if (config.database.kind === "embedded") writeFileSync(addressFile(config), config.publicUrl);
}

function addressFile({ dataDir }: Config): string {
  return join(dataDir, "server-is-at");
}
