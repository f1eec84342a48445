/** `npm run bench`: measures on this machine, always against a limit measured in the same run. */
import { parseArgs } from "node:util";
import { benchDeliveries } from "./deliveries.ts";
import { benchEvents } from "./events.ts";
import { benchHome } from "./home.ts";
import { benchPost } from "./post.ts";
import { benchRebuild } from "./rebuild.ts";
import { machine, type Row } from "./support.ts";
import { benchVisible } from "./visible.ts";

const BENCHES = {
  home: benchHome,
  post: benchPost,
  visible: benchVisible,
  rebuild: benchRebuild,
  deliveries: benchDeliveries,
  events: benchEvents,
} as const;
const USAGE = `Usage: npm run bench -- [${Object.keys(BENCHES).join("|")}] [--seconds N] [--json]
Without a name, all of them, one after another.`;

type Name = keyof typeof BENCHES;

const { name, seconds, isJson, help } = understood(process.argv.slice(2)) ?? {};
if (help || seconds === undefined) {
  console.error(USAGE);
  process.exit(help ? 0 : 2);
}
const names = name === undefined ? (Object.keys(BENCHES) as Name[]) : [name];
const measured: Record<string, readonly Row[]> = {};
if (!isJson) console.log(`\n${machine()}`);
for (const one of names) {
  const rows = await measure(one);
  measured[one] = rows;
  if (isJson) continue;
  if (names.length > 1) console.log(`\n${one}`);
  for (const [label, value] of rows) console.log(`${label.padEnd(56)} ${value}`);
}
if (isJson) console.log(JSON.stringify({ machine: machine(), measured }, null, 2));

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
    const chosen = name as Name | undefined;
    return { name: chosen, seconds: Number(values.seconds), isJson: values.json, help: values.help };
  } catch {
    return null;
  }
}

/** Asked for by its name, one that can't be measured here fails; among all, the others go on. */
async function measure(one: Name): Promise<readonly Row[]> {
  try {
    return await BENCHES[one](seconds ?? 0);
  } catch (error) {
    if (names.length === 1) throw error;
    process.exitCode = 1;
    return [["not measured", (error as Error).message.split("\n")[0] ?? ""]];
  }
}
