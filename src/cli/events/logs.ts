/** The logs that this server's events go through, for commands that look into them or mend them. */
import type { Config } from "../../config.ts";
import { systemClock } from "../../core/clock.ts";
import { createLogger } from "../../core/telemetry/log.ts";
import type { Database } from "../../engines/database/pools.ts";
import type { DeadLetter, EventLog } from "../../engines/event-log/port.ts";
import { openAdmin } from "../admin.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import type { Terminal } from "../terminal.ts";

const STATEMENT_TIMEOUT_MS = 60_000;

export interface Logs extends AsyncDisposable {
  readonly outbox: EventLog;
  /** The outbox itself without Kafka. */
  readonly events: EventLog;
  /** Both, each once. */
  readonly all: readonly EventLog[];
}

export async function openLogs(config: Config, terminal: Terminal): Promise<Logs> {
  await using opened = new AsyncDisposableStack();
  const { openShards } = await import("../../engines/database/shard-map.ts");
  const { database } = opened.use(await openAdmin(config, { terminal }));
  const options = { poolSize: 2, statementTimeoutMs: STATEMENT_TIMEOUT_MS, pastPooler: true, log: () => {} };
  const shards = opened.use(await openShards(database, config.shards, options));
  const { outbox, events } = await logsOn(shards.all, config, opened);
  const open = opened.move();
  return {
    outbox,
    events,
    all: config.kafka ? [outbox, events] : [outbox],
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

/** Those of databases that are open already, the main one first. */
export async function logsOn(
  databases: readonly Database[],
  config: Config,
  opened: AsyncDisposableStack,
): Promise<Pick<Logs, "outbox" | "events">> {
  const { outboxOf } = await import("../../engines/event-log/shards.ts");
  const log = createLogger("silent");
  const outbox = opened.use(outboxOf(databases, { log, clock: systemClock, isAlone: false }));
  if (!config.kafka) return { outbox, events: outbox };
  const { KafkaEventLog } = await import("../../engines/event-log/kafka.ts");
  const events = opened.use(new KafkaEventLog({ ...config.kafka, log, clock: systemClock }));
  await events.check();
  return { outbox, events };
}

export interface Found {
  readonly letter: DeadLetter;
  readonly log: EventLog;
}

/** Oldest first. */
export async function listLetters(logs: Logs, limit: number): Promise<Found[]> {
  const found = await Promise.all(
    logs.all.map(async (log) =>
      (await log.deadLetters.list(limit)).map((letter): Found => ({ letter, log })),
    ),
  );
  const byAge = (a: Found, b: Found) => a.letter.failedAt.getTime() - b.letter.failedAt.getTime();
  return found.flat().sort(byAge).slice(0, limit);
}

export async function requireLetter(logs: Logs, id: string): Promise<Found> {
  for (const log of logs.all) {
    const letter = await log.deadLetters.find(id);
    if (letter) return { letter, log };
  }
  throw new CommandError(exitCodes.failed, `There is no dead letter "${id}".`, {
    hint: "`roost events dlq list` shows those there are.",
  });
}
