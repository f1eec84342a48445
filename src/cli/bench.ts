import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { CommandError, exitCodes } from "./exit-codes.ts";
import { examples, packageDir } from "./invocation.ts";

/** Takes its arguments from `argv` itself: the flags that all commands share would be taken out before it sees them. */
export function benchCommand(argv: readonly string[]): Command {
  return new Command("bench")
    .summary("measure this machine: how fast posts and timelines are")
    .description("Measures Roost on this machine. What follows the command goes to the benchmark as it is.")
    .argument("[args...]", "which benchmark, and its flags")
    .allowUnknownOption()
    .addHelpText("after", examples("npx roost bench home", "npx roost bench post"))
    .action(() => bench(argv.slice(argv.indexOf("bench") + 1)));
}

async function bench(args: readonly string[]): Promise<void> {
  const main = join(packageDir, "bench", "main.ts");
  if (!existsSync(main)) {
    throw new CommandError(exitCodes.unavailable, "The benchmarks are not part of this installation.", {
      hint: "They run in a checkout of the repository.",
    });
  }
  const child = spawn(process.execPath, [main, ...args], { stdio: "inherit" });
  // Ctrl-C reaches the benchmark too, which ends by itself; we end after it.
  process.on("SIGINT", () => {});
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  process.exitCode = code ?? (signal === "SIGINT" ? exitCodes.interrupted : exitCodes.failed);
}
