/**
 * The server's log. Where stdout is collected it goes there, a JSON object a line. On a terminal it goes to a file in
 * DATA_DIR and only warnings show, so that what the command has to say is not buried.
 */
import { mkdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import pino from "pino";
import { prettyFactory } from "pino-pretty";
import type { Config } from "../config.ts";
import { createLogger } from "../core/telemetry/log.ts";
import { processNumber } from "./processes.ts";
import type { Terminal } from "./terminal.ts";

export interface ServerLog {
  readonly log: pino.Logger;
  /** For people: where to look. */
  readonly place: string;
}

const FILE_SIZE_BYTES_MAX = 32 * 1024 * 1024;

export function openServerLog(config: Config, terminal: Terminal): ServerLog {
  if (!terminal.stdoutIsTerminal) return { log: createLogger(config.logLevel), place: "stdout" };
  const others = processNumber === null || processNumber === 1 ? "" : `-${processNumber}`;
  const file = join(config.dataDir, "logs", `roost${others}.log`);
  const shown = prettyFactory({ colorize: terminal.paint("red", "x") !== "x", ignore: "pid,hostname" });
  // Through the terminal, as all that is said: writing past it would throw once the terminal is closed.
  const screen = { write: (line: string) => void terminal.stderr.write(shown(line)) };
  const streams = [
    { level: "trace" as const, stream: new BoundedFile(file) },
    { level: terminal.verbose ? ("trace" as const) : ("warn" as const), stream: screen },
  ];
  return { log: createLogger(config.logLevel, pino.multistream(streams)), place: file };
}

/** A log file and its predecessor: when the one is full it becomes the other. */
class BoundedFile {
  readonly #file: string;
  readonly #stream: ReturnType<typeof pino.destination>;
  #sizeBytes: number;

  constructor(file: string) {
    this.#file = file;
    mkdirSync(join(file, ".."), { recursive: true });
    this.#sizeBytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    this.#stream = pino.destination({ dest: file, sync: true, mode: 0o600 });
  }

  write(line: string): void {
    this.#sizeBytes += Buffer.byteLength(line);
    if (this.#sizeBytes > FILE_SIZE_BYTES_MAX) {
      this.#stream.flushSync();
      renameSync(this.#file, `${this.#file}.1`);
      this.#stream.reopen();
      this.#sizeBytes = Buffer.byteLength(line);
    }
    this.#stream.write(line);
  }
}
