import { Command, Option } from "commander";
import type { EffectiveSetting } from "../config.ts";
import { settingNames, settingOf } from "../settings.ts";
import { examples, terminalOf } from "./invocation.ts";
import { addSettingFlags, configOf, flagOf } from "./setting-flags.ts";
import { type Terminal, table } from "./terminal.ts";

export function configCommand(): Command {
  const command = new Command("config")
    .summary("show every setting, its meaning and its value")
    .description(
      `Shows every setting with its meaning, its value and where that comes from. Secrets stay hidden.

A setting is taken from a flag (--port 4000), else from the environment (PORT=4000), else from the file .env in
the folder roost is run in, else from its default. An empty value counts as unset.`,
    )
    .option("--json", "as JSON")
    .addOption(new Option("--markdown", "as the page docs/configuration.md").conflicts("json"))
    .addHelpText(
      "after",
      examples(
        "npx roost config",
        "PORT=4000 npx roost config --json | jq '.[] | select(.source != \"default\")'",
      ),
    )
    .action(show);
  return addSettingFlags(command, []);
}

function show(options: { json?: boolean; markdown?: boolean }, command: Command): void {
  const terminal = terminalOf(command);
  if (options.markdown) {
    terminal.data(settingsAsMarkdown());
    return;
  }
  const { effective } = configOf(command);
  if (options.json) terminal.json(effective.map(asRecord));
  else showTable(terminal, effective);
}

function showTable(terminal: Terminal, effective: readonly EffectiveSetting[]): void {
  const rows = effective.map((setting) => [setting.name, shown(setting), setting.source]);
  const [heading = "", ...lines] = table(["SETTING", "VALUE", "FROM"], rows);
  terminal.data(terminal.paintData("bold", heading));
  for (const [index, { name }] of effective.entries()) {
    terminal.data(lines[index] ?? "");
    terminal.data(terminal.paintData("dim", `    ${settingOf(name).doc}`));
  }
}

function asRecord(setting: EffectiveSetting): object {
  const { doc, group, expects, secret } = settingOf(setting.name);
  return {
    name: setting.name,
    value: secret && setting.text !== null ? "hidden" : setting.text,
    source: setting.source,
    default: defaultOf(setting.name),
    flag: flagOf(setting.name),
    group,
    meaning: doc,
    expects,
    secret: secret === true,
  };
}

function shown({ name, text }: EffectiveSetting): string {
  if (text === null) return "(unset)";
  return settingOf(name).secret ? "(hidden)" : text;
}

function defaultOf(name: EffectiveSetting["name"]): string | null {
  const { fallback, fallbackDoc } = settingOf(name);
  return typeof fallback === "function" ? (fallbackDoc ?? null) : fallback;
}

/** The page docs/configuration.md, without a line break at its end. */
export function settingsAsMarkdown(): string {
  const groups = [...new Set(settingNames.map((name) => settingOf(name).group))];
  const sections = groups.flatMap((group) => ["", `## ${group}`, "", ...markdownTable(group)]);
  return [PREFACE, ...sections].join("\n");
}

/** Padded as the formatter wants it. */
function markdownTable(group: string): string[] {
  const heading = ["Setting", "Meaning", "Takes", "Default"];
  const rows = settingNames.filter((name) => settingOf(name).group === group).map(markdownRow);
  const widths = heading.map((_, column) =>
    Math.max(...[heading, ...rows].map((row) => row[column]?.length ?? 0)),
  );
  const rule = widths.map((width) => "-".repeat(width));
  return [heading, rule, ...rows].map(
    (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`,
  );
}

function markdownRow(name: EffectiveSetting["name"]): string[] {
  const { doc, expects, secret } = settingOf(name);
  const standard = defaultOf(name);
  const takes = secret ? `${expects} (secret; or \`${name}_FILE\`)` : expects;
  return [`\`${name}\``, doc, takes, standard === null ? "unset" : `\`${standard}\``];
}

const PREFACE = `# Configuration

<!-- Written by \`npx roost config --markdown\`; a test holds this page to it. Change src/config.ts instead. -->

Roost runs without any of these. Each setting is an environment variable; \`npx roost config\` shows the values in
force and where each comes from. A flag (\`npx roost start --port 4000\`) wins over the environment (\`PORT=4000\`), that
over the file \`.env\` in the folder Roost is started in, that over the default. An empty value counts as unset.

Settings are checked at start. All mistakes are told at once, one line each, and Roost ends with exit code 78.
A name that is no setting is warned of, with what was probably meant: any in \`.env\`, and in the environment, which is full
of others' names, one that is almost a setting.

A secret can be given as a file that holds it, as containers do: \`DATABASE_URL_FILE=/run/secrets/database-url\`. As a
flag it can only be given that way (\`--database-url-file\`), because other users of a machine can read flags.`;
