/** `npm run bench -- NAME`: measures on this machine, always against a limit measured in the same run. */
import { benchDeliveries } from "./deliveries.ts";
import { benchEvents } from "./events.ts";
import { benchHome } from "./home.ts";
import { benchPost } from "./post.ts";
import { benchRebuild } from "./rebuild.ts";
import { machine } from "./support.ts";
import { benchVisible } from "./visible.ts";

const BENCHES = {
  home: benchHome,
  post: benchPost,
  visible: benchVisible,
  rebuild: benchRebuild,
  deliveries: benchDeliveries,
  events: benchEvents,
} as const;
const USAGE = `Usage: npm run bench -- ${Object.keys(BENCHES).join("|")} [--seconds N] [--json]`;

const [name, ...flags] = process.argv.slice(2);
const seconds = Number(flags[flags.indexOf("--seconds") + 1]) || 10;
const bench = Object.hasOwn(BENCHES, name ?? "") ? BENCHES[name as keyof typeof BENCHES] : null;

if (!bench) {
  console.error(USAGE);
  process.exit(name === "--help" ? 0 : 2);
}
const rows = await bench(seconds);
if (flags.includes("--json")) console.log(JSON.stringify({ machine: machine(), rows }, null, 2));
else {
  console.log(`\n${machine()}`);
  for (const [label, value] of rows) console.log(`${label.padEnd(52)} ${value}`);
}
