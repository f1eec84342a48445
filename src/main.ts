/** The `roost` command. */
import { run } from "./cli/program.ts";

// A reader that goes away (`roost accounts list | head -1`) misses the rest; the command still ends in order.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

process.exitCode = await run(process.argv.slice(2));
