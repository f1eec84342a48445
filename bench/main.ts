/** `npm run bench`: measures on this machine, always against a limit measured in the same run. */
import { parseArgs } from "node:util";
import { BENCHES } from "./benches.ts";
import { endEverything } from "./processes.ts";
import { linesOf, type Outcome, type Part, tableLines, tableOf } from "./report.ts";
import { machine, removeFolders } from "./support.ts";

const USAGE = `Usage: npm run bench -- [${Object.keys(BENCHES).join("|")}] [--seconds N] [--json]
Without a name, all of them, one after another. --seconds is about how long each figure is measured: 10 unless given.`;
const INTERRUPTED = 130;

const { name, seconds, isJson, help } = understood(process.argv.slice(2)) ?? {};
if (help || seconds === undefined) {
  console.error(USAGE);
  process.exit(help ? 0 : 2);
}
let isEnding = false;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => void end(INTERRUPTED));

const names = name === undefined ? Object.keys(BENCHES) : [name];
const measured: Record<string, Outcome[]> = {};
if (!isJson) console.log(`\n${machine()}`);
for (const one of names) {
  if (!isJson) console.log(`\n${one}`);
  measured[one] = [];
  for (const part of BENCHES[one] ?? []) {
    const outcome = await outcomeOf(part);
    measured[one].push(outcome);
    if (!isJson && !isEnding) console.log(textOf(outcome));
  }
}
const table = tableOf(Object.values(measured).flat());
if (isJson) console.log(JSON.stringify({ machine: machine(), seconds, measured, table }, null, 2));
else if (table.length > 0) console.log(`\n${tableLines(table).join("\n")}`);
await end(process.exitCode ?? 0);

/** Null for what isn't in the usage. */
function understood(args: string[]) {
  const options = {
    seconds: { type: "string", default: "10" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  } as const;
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const [name, ...more] = positionals;
    const isKnown = name === undefined || Object.hasOwn(BENCHES, name);
    if (!isKnown || more.length > 0 || !(Number(values.seconds) > 0)) return null;
    return { name, seconds: Number(values.seconds), isJson: values.json, help: values.help };
  } catch {
    return null;
  }
}

/** What can't be measured here doesn't keep the others from it, but is told by the exit code. */
async function outcomeOf({ rows, measure }: Part): Promise<Outcome> {
  try {
    return { rows, measured: await measure(seconds ?? 0) };
  } catch (error) {
    // What runs is being ended under it.
    if (isEnding) await new Promise(() => {});
    process.exitCode = 1;
    return { rows, notMeasured: (error as Error).message.split("\n")[0] ?? "" };
  }
}

function textOf(outcome: Outcome): string {
  return "measured" in outcome
    ? linesOf(outcome.measured).join("\n")
    : `not measured: ${outcome.notMeasured}`;
}

/** Leaves no process and no folder behind, also when something was under way. */
async function end(code: number | string): Promise<never> {
  if (isEnding) await new Promise(() => {});
  isEnding = true;
  await endEverything();
  removeFolders();
  process.exit(code);
}
