import { Command } from "commander";
import { examples, terminalOf } from "../invocation.ts";
import { addSettingFlags, configOf } from "../setting-flags.ts";
import { table } from "../terminal.ts";
import { openLogs } from "./logs.ts";

export function lagCommand(): Command {
  const command = new Command("lag")
    .summary("how far each consumer is behind")
    .description(
      `Shows for each group of consumers how many records of a topic wait for it, and for how long the oldest has waited.
Records come by rows: the relay takes events to Kafka, fan-out makes deliveries of them in lanes by audience, and
notifications are made of the same events.`,
    )
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      examples("npx roost events lag", "npx roost events lag --json | jq 'map(.records) | add'"),
    )
    .action(showLag);
  return addSettingFlags(command, ["DATA_DIR", "DATABASE_URL", "KAFKA_BROKERS"]);
}

async function showLag(options: { json?: boolean }, command: Command): Promise<void> {
  const terminal = terminalOf(command);
  const { config } = configOf(command);
  await using logs = await openLogs(config, terminal);
  const { lagOfGroups } = await import("../../workers/lag.ts");
  const lines = await lagOfGroups(logs.outbox, logs.events);
  if (options.json) return terminal.json(lines);
  const rows = lines.map(({ log, group, topic, records, oldestAgeMs }) => [
    group,
    topic,
    log,
    `${records}`,
    records === 0 ? "-" : `${(oldestAgeMs / 1_000).toFixed(1)} s`,
  ]);
  const [heading = "", ...body] = table(["GROUP", "TOPIC", "IN", "WAITING", "FOR"], rows);
  terminal.data(terminal.paintData("bold", heading));
  for (const line of body) terminal.data(line);
}
