/** Completion scripts for shells, made of the commands as they are: what follows each, with its summary. */
import { Argument, Command } from "commander";
import { examples, terminalOf } from "./invocation.ts";

const SHELLS = { bash, zsh, fish } as const;

export function completionCommand(): Command {
  return new Command("completion")
    .summary("print a completion script for a shell")
    .description("Prints a script that makes a shell complete commands and flags.")
    .addArgument(new Argument("<shell>", "which").choices(Object.keys(SHELLS)))
    .addHelpText(
      "after",
      examples(
        'eval "$(roost completion bash)"                               in ~/.bashrc',
        'eval "$(roost completion zsh)"                                in ~/.zshrc, after compinit',
        "roost completion fish > ~/.config/fish/completions/roost.fish",
      ),
    )
    .action((shell: keyof typeof SHELLS, _: object, command: Command) => {
      const program = command.parent as Command;
      terminalOf(command).data(SHELLS[shell](placesBelow(program)));
    });
}

/** A command by the words that lead to it, and what may come next. */
interface Place {
  /** Such as "/accounts/create"; empty for `roost` itself. */
  readonly path: string;
  readonly next: readonly { readonly word: string; readonly meaning: string }[];
}

function placesBelow(command: Command, path = ""): Place[] {
  const help = command.createHelp();
  help.showGlobalOptions = true;
  const commands = help.visibleCommands(command);
  const flags = [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)];
  const next = [
    ...commands.map((child) => ({ word: child.name(), meaning: child.summary() || child.description() })),
    ...(command.registeredArguments[0]?.argChoices ?? []).map((word) => ({ word, meaning: "" })),
    ...flags.map((flag) => ({ word: flag.long ?? flag.short ?? "", meaning: flag.description })),
  ];
  const below = commands.filter((child) => child.name() !== "help");
  return [{ path, next }, ...below.flatMap((child) => placesBelow(child, `${path}/${child.name()}`))];
}

/** For a shell's `case`: one that finds out where the words typed so far lead, `at`, as `Place.path`. */
function whereIn(places: readonly Place[]): string {
  const known = places.flatMap(({ path }) => (path === "" ? [] : [path]));
  return `case "$at/$word" in ${known.join("|")}) at="$at/$word" ;; esac`;
}

function bash(places: readonly Place[]): string {
  const cases = places.map(({ path, next }) => `    ${path || '""'}) next="${wordsOf(next)}" ;;`);
  return `_roost() {
  local at="" word next=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    ${whereIn(places)}
  done
  case "$at" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$next" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _roost roost`;
}

function wordsOf(next: Place["next"]): string {
  return next.map(({ word }) => word).join(" ");
}

function zsh(places: readonly Place[]): string {
  const cases = places.map(({ path, next }) => {
    const described = next.map(({ word, meaning }) => quoted(`${word}:${meaning}`));
    return `    ${path || '""'}) next=(${described.join(" ")}) ;;`;
  });
  return `#compdef roost
_roost() {
  local at="" word
  local -a next
  for word in "\${(@)words[2,CURRENT-1]}"; do
    ${whereIn(places)}
  done
  case "$at" in
${cases.join("\n")}
  esac
  _describe roost next || _files
}
compdef _roost roost`;
}

function fish(places: readonly Place[]): string {
  const lines = places.flatMap(({ path, next }) =>
    next.map(({ word, meaning }) => {
      const given = word.startsWith("--") ? `-l ${word.slice(2)}` : `-f -a ${word}`;
      return `complete -c roost -n '__roost_at "${path}"' ${given} -d ${quoted(meaning)}`;
    }),
  );
  const known = places.map(({ path }) => `"${path}"`).join(" ");
  return `function __roost_at
  set -l at ""
  for word in (commandline -opc)[2..-1]
    contains -- "$at/$word" ${known}; and set at "$at/$word"
  end
  test "$at" = "$argv[1]"
end
${lines.join("\n")}`;
}

/** As one word of any of the three shells. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "’").replaceAll("\\", "\\\\")}'`;
}
