/** `roost api`, `roost worker` and the others: a process that plays a part of what `roost start` does. */
import { availableParallelism } from "node:os";
import { Command } from "commander";
import type { Config } from "../config.ts";
import { type Role, takesRequests } from "../core/roles.ts";
import { processesOption } from "./arguments.ts";
import { examples, terminalOf } from "./invocation.ts";
import { requireShared, serveInProcesses } from "./serve.ts";
import { addSettingFlags, configOf, MAIN_SETTINGS } from "./setting-flags.ts";

interface RoleCommand {
  readonly name: string;
  readonly roles: readonly Role[];
  readonly summary: string;
  readonly does: string;
}

const COMMANDS: readonly RoleCommand[] = [
  {
    name: "api",
    roles: ["api", "streaming"],
    summary: "run a server of the API, the web app and streams",
    does: "Answers the API, serves the web app and holds streams open.",
  },
  {
    name: "streaming",
    roles: ["streaming"],
    summary: "run a server of streams alone",
    does: "Holds streams open (/api/v1/streaming), so that they are apart from requests.",
  },
  {
    name: "worker",
    roles: ["fanout", "jobs", "relay"],
    summary: "run everything that isn't asked for by requests",
    does: "Does what `roost fanout`, `roost jobs` and `roost relay` do.",
  },
  {
    name: "fanout",
    roles: ["fanout"],
    summary: "run deliveries to home timelines",
    does: "Reads events, plans their fan-out, and delivers posts to home timelines.",
  },
  {
    name: "jobs",
    roles: ["jobs"],
    summary: "run notifications and housekeeping",
    does: "Writes notifications from events, and deletes what has expired.",
  },
  {
    name: "relay",
    roles: ["relay"],
    summary: "run the way of events from the database to Kafka",
    does: "Publishes to Kafka what changes have written to the outbox. One relays at a time; others stand by.",
  },
];

export function roleCommands(): Command[] {
  return COMMANDS.map(({ name, roles, summary, does }) => {
    const command = new Command(name)
      .summary(summary)
      .description(
        `${does} Any number of these can run, on any machines, on the same DATABASE_URL and REDIS_URL; with
KAFKA_BROKERS events go through Kafka. /livez, /readyz and /metrics answer at PORT${takesRequests(new Set(roles)) ? "" : ", when it is given"}.`,
      )
      .addHelpText(
        "after",
        examples(`npx roost ${name} --port 4000`, `PORT=4001 REDIS_URL=redis://cache:6379 npx roost ${name}`),
      )
      .addOption(processesOption(name === "relay" ? 1 : availableParallelism()))
      .action(async ({ processes }: { processes: number }, own: Command) => {
        const terminal = terminalOf(own);
        const loaded = configOf(own);
        requireShared(loaded.config, `roost ${name}`, { needsKafka: name === "relay" });
        await serveInProcesses({ loaded, terminal, roles, processes }, ({ config, listens }) =>
          terminal.note(`roost ${name} is ready${listens ? ` at ${addressOf(config)}` : ""}`),
        );
      });
    return addSettingFlags(command, MAIN_SETTINGS);
  });
}

function addressOf({ host, port }: Config): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
