/** `npm run bench`: measures on this machine, always against a limit measured in the same run. */
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

const args = process.argv.slice(2);
const [name] = args.filter((arg) => !arg.startsWith("-") && args[args.indexOf(arg) - 1] !== "--seconds");
const seconds = Number(args[args.indexOf("--seconds") + 1]) || 10;
if (args.includes("--help") || (name !== undefined && !Object.hasOwn(BENCHES, name))) {
  console.error(USAGE);
  process.exit(args.includes("--help") ? 0 : 2);
}
const names = name === undefined ? (Object.keys(BENCHES) as Name[]) : [name as Name];
const isJson = args.includes("--json");
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

/** Asked for by its name, one that can't be measured here fails; among all, the others go on. */
async function measure(one: Name): Promise<readonly Row[]> {
  try {
    return await BENCHES[one](seconds);
  } catch (error) {
    if (names.length === 1) throw error;
    process.exitCode = 1;
    return [["not measured", (error as Error).message.split("\n")[0] ?? ""]];
  }
}
