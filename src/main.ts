/** The `roost` command. */
import module from "node:module";
import { fileURLToPath } from "node:url";

// What was compiled once isn't compiled at each start. Beside the code, where only who may change the code can write;
// if nobody can, Node goes on without.
module.enableCompileCache(fileURLToPath(new URL("../node_modules/.cache/compiled", import.meta.url)));
const { run } = await import("./cli/program.ts");

// A reader that goes away (`roost accounts list | head -1`: EPIPE) misses the rest, and so does a terminal that is
// closed (EIO); the command still ends in order.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
  });
}

process.exitCode = await run(process.argv.slice(2));
