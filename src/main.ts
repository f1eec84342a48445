/** The `roost` command. */
import { run } from "./cli/program.ts";

// A reader that goes away (`roost accounts list | head -1`) ends the command quietly.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

process.exitCode = await run(process.argv.slice(2));
