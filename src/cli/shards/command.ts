/** Which database holds what, and moving it. Databases are called by their addresses: URLs have passwords in them. */
import { Command } from "commander";
import { LOGICAL_SHARDS } from "../../core/ids.ts";
import type { Database } from "../../engines/database/pools.ts";
import type { ShardDatabase } from "../../engines/database/shard-map.ts";
import { openAdmin } from "../admin.ts";
import { logsOn } from "../events/logs.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { examples, terminalOf } from "../invocation.ts";
import { addSettingFlags, configOf } from "../setting-flags.ts";
import { table } from "../terminal.ts";
import { parseShards, planMoves, shortened, writeShards } from "./plan.ts";

const STATEMENT_TIMEOUT_MS = 600_000;

export function shardsCommand(): Command {
  return new Command("shards")
    .summary("which database holds what accounts own, and moving it")
    .description(
      `What accounts own lies in ${LOGICAL_SHARDS} shards on the databases of SHARD_URLS. To use one more: start it, see what
\`roost shards plan --add URL\` says, add it to SHARD_URLS of every server and restart them, and move what the plan says.`,
    )
    .addCommand(listCommand())
    .addCommand(planCommand())
    .addCommand(moveCommand())
    .addHelpText("after", examples("npx roost shards list", "npx roost shards plan"));
}

function listCommand(): Command {
  const command = new Command("list")
    .summary("the databases and their shards")
    .option("--json", "as JSON")
    .action(async (options: { json?: boolean }, self: Command) => {
      const terminal = terminalOf(self);
      await using opened = await open(self);
      const lines = opened.databases.map(({ address, shards }) => ({
        address,
        shards: writeShards(shards),
        count: shards.length,
      }));
      if (options.json) return terminal.json(lines);
      const rows = lines.map(({ address, shards, count }) => [address, `${count}`, shortened(shards)]);
      for (const line of table(["DATABASE", "COUNT", "SHARDS"], rows)) terminal.data(line);
    });
  return addSettingFlags(command, ["DATA_DIR", "DATABASE_URL", "SHARD_URLS"]);
}

function planCommand(): Command {
  const command = new Command("plan")
    .summary("the moves that spread shards evenly over SHARD_URLS")
    .option("--add <url>", "as if SHARD_URLS named this database, too; makes its tables")
    .option("--without <address>", "leave this database without any")
    .option("--json", "as JSON")
    .addHelpText("after", examples("npx roost shards plan --add postgres://roost@db-3/roost"))
    .action(async (options: { add?: string; without?: string; json?: boolean }, self: Command) => {
      const terminal = terminalOf(self);
      await using opened = await open(self, options.add === undefined ? [] : [checkedUrl(options.add)]);
      if (options.without !== undefined) requireDatabase(opened.databases, options.without);
      const over = opened.databases.filter(({ isNamed, address }) => isNamed && address !== options.without);
      if (over.length === 0) {
        throw new CommandError(exitCodes.usage, "No database is left to hold them.", {
          hint: "Name another one in SHARD_URLS.",
        });
      }
      const held = new Map(opened.databases.map(({ address, shards }) => [address, shards]));
      const moves = planMoves(
        held,
        over.map(({ address }) => address),
      );
      if (options.json)
        return terminal.json(moves.map((one) => ({ ...one, shards: writeShards(one.shards) })));
      if (moves.length === 0) return terminal.data("The shards are spread evenly: there is nothing to move.");
      if (options.add !== undefined)
        terminal.note(
          "First add the database to SHARD_URLS of every server, and here, and restart them one by one. Then:",
        );
      for (const { from, to, shards } of moves) {
        terminal.data(`# ${shards.length} from ${from}`);
        terminal.data(`roost shards move --to ${to} --shards ${writeShards(shards)}`);
      }
    });
  return addSettingFlags(command, ["DATA_DIR", "DATABASE_URL", "SHARD_URLS"]);
}

function moveCommand(): Command {
  const command = new Command("move")
    .summary("move shards to another database, while servers run")
    .description(
      `Copies the shards with all that changes meanwhile, compares, and switches over. For some seconds at the end, nothing of
these shards can be changed: requests that would wait. If it ends in the middle, run it again.
Every server must have been started with the database in SHARD_URLS.`,
    )
    .requiredOption("--to <address>", "the database they go to, as `roost shards list` calls it")
    .requiredOption("--shards <list>", "which, such as 0-99,200")
    .action(async (options: { to: string; shards: string }, self: Command) => {
      const terminal = terminalOf(self);
      const wanted = parseShards(options.shards, LOGICAL_SHARDS);
      if (!wanted) {
        throw new CommandError(
          exitCodes.usage,
          `--shards must be numbers from 0 to ${LOGICAL_SHARDS - 1}, such as 0-99,200.`,
        );
      }
      await using opened = await open(self);
      const to = requireDatabase(opened.databases, options.to);
      const { moveShards, unfinishedIn } = await import("../../engines/database/shard-move.ts");
      for (const from of opened.databases) {
        if (from === to) continue;
        const unfinished = (await unfinishedIn(from.database.db)).filter((shard) =>
          to.shards.includes(shard),
        );
        for (const shards of [from.shards, unfinished].map((some) =>
          wanted.filter((shard) => some.includes(shard)),
        )) {
          if (shards.length === 0) continue;
          const started = performance.now();
          terminal.note(`${shards.length} shards from ${from.address} to ${to.address}`);
          await using sessions = new AsyncDisposableStack();
          const session = async (database: Database) =>
            sessions.adopt(await database.dedicated(), (client) => client.end());
          const moved = await moveShards({
            main: await session(opened.main),
            from: await session(from.database),
            to: await session(to.database),
            logs: opened.logs,
            shards,
            onStep: (what) => terminal.note(`  ${what}`),
          });
          const took = ((performance.now() - started) / 1_000).toFixed(1);
          terminal.data(
            `Moved ${writeShards(shards)} in ${took} s: ${moved.rows} rows, ${moved.changes} changes meanwhile; ` +
              `no writes for ${Math.round(moved.pauseMs)} ms.`,
          );
        }
      }
    });
  return addSettingFlags(command, ["DATA_DIR", "DATABASE_URL", "SHARD_URLS", "KAFKA_BROKERS"]);
}

interface Held extends ShardDatabase {
  readonly shards: readonly number[];
  /** In SHARD_URLS. */
  readonly isNamed: boolean;
}

/** The same rules as for SHARD_URLS; says nothing of what is in it, which may be a password. */
function checkedUrl(url: string): string {
  const scheme = URL.canParse(url) ? new URL(url).protocol : "";
  if (scheme === "postgres:" || scheme === "postgresql:") return url;
  throw new CommandError(exitCodes.usage, "--add must be an address such as postgres://user@host:5432/name.");
}

async function open(command: Command, more: readonly string[] = []) {
  const terminal = terminalOf(command);
  const { config } = configOf(command);
  const named = config.shards.map(({ url }) => url);
  const added = [...new Set(more)].filter((url) => !named.includes(url));
  const addresses = [...config.shards, ...added.map((url) => ({ url, directUrl: url }))];
  if (addresses.length === 0) {
    throw new CommandError(exitCodes.config, "One database holds everything: SHARD_URLS is not set.");
  }
  const { requirePostgres } = await import("../../engines/database/inspect.ts");
  for (const url of added) await requirePostgres("--add", url, "direct");
  await using opened = new AsyncDisposableStack();
  const admin = opened.use(await openAdmin(config, { terminal }));
  const { MAIN, openShards, readMap } = await import("../../engines/database/shard-map.ts");
  const options = { poolSize: 2, statementTimeoutMs: STATEMENT_TIMEOUT_MS, pastPooler: true, log: () => {} };
  const shards = opened.use(await openShards(admin.database, addresses, options));
  const map = await readMap(admin.db);
  const databases = [...shards.byIdentity].map(
    ([id, database]): Held => ({
      ...database,
      isNamed: database.address !== MAIN,
      shards: map.filter((row) => row.id === id).map(({ shard }) => shard),
    }),
  );
  const { EVENTS_TOPIC } = await import("../../engines/event-log/outbox.ts");
  const { FOLLOW_UP_GROUP, RELAY_GROUP } = await import("../../workers/groups.ts");
  const { outbox, events } = await logsOn(shards.all, config, opened);
  const open = opened.move();
  return {
    main: admin.database,
    /** From the change of a reaction to its being counted: through the relay, with Kafka. */
    logs: [
      ...(events === outbox ? [] : [() => outbox.checkpoint(EVENTS_TOPIC, RELAY_GROUP)]),
      () => events.checkpoint(EVENTS_TOPIC, FOLLOW_UP_GROUP),
    ],
    databases,
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

function requireDatabase(databases: readonly Held[], address: string): Held {
  const found = databases.find((one) => one.address === address);
  if (found) return found;
  throw new CommandError(exitCodes.usage, `No database is called ${address}.`, {
    hint: `There are: ${databases.map((one) => one.address).join(", ")}.`,
  });
}
