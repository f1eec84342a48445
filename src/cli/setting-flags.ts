/** Settings as flags, so that `roost start --port 4000` does what PORT=4000 does. */
import { type Command, Option } from "commander";
import { type LoadedConfig, loadConfigHere, type Texts } from "../config.ts";
import { type SettingName, settingNames, settingOf } from "../settings.ts";

/** What most people set, in the help of commands that run a server. */
export const MAIN_SETTINGS: readonly SettingName[] = [
  "PORT",
  "HOST",
  "PUBLIC_URL",
  "DATA_DIR",
  "SIGN_UPS",
  "DATABASE_URL",
  "REDIS_URL",
];

/** Gives a command a flag for each setting. Those not in `shown` work too but are left out of its help. */
export function addSettingFlags(command: Command, shown: readonly SettingName[]): Command {
  for (const name of settingNames) {
    const { doc, secret } = settingOf(name);
    const flag = flagOf(name);
    const option = secret
      ? new Option(`${flag} <file>`, `file that holds ${name}`)
      : new Option(`${flag} <value>`, doc);
    option.hideHelp(!shown.includes(name)).helpGroup("Settings:");
    command.addOption(option);
  }
  return shown.length === 0
    ? command
    : command.addHelpText("after", "\nEvery other setting is a flag too: `npx roost config` lists them.");
}

/** PORT → --port; a secret's flag names a file, since a process's flags can be seen by others. */
export function flagOf(name: SettingName): string {
  const suffix = settingOf(name).secret ? "_FILE" : "";
  return `--${`${name}${suffix}`.toLowerCase().replaceAll("_", "-")}`;
}

/** The configuration of this run: the command's flags, the environment, `.env`, defaults. */
export function configOf(command: Command, defaults: Texts = {}): LoadedConfig {
  return loadConfigHere(flagTexts(command), defaults);
}

function flagTexts(command: Command): Texts {
  const options: Record<string, unknown> = command.opts();
  const texts: Record<string, string> = {};
  for (const name of settingNames) {
    const flag = command.options.find((option) => option.long === flagOf(name));
    const value = flag && options[flag.attributeName()];
    if (typeof value === "string") texts[settingOf(name).secret ? `${name}_FILE` : name] = value;
  }
  return texts;
}
