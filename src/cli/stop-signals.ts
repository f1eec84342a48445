/**
 * How a command is told to stop. One word may come twice: Ctrl-C is heard by every process of the terminal, and npm
 * passes it on to a child that has heard it already; when a terminal is closed, the kernel tells and so does the shell.
 */
import { setImmediate } from "node:timers/promises";
import { sleep } from "../core/clock.ts";

export const STOP_SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

/** What comes sooner after the first word than this is its echo. */
const ECHO_MS_MAX = 500;

export interface StopHandlers {
  /** Called once. */
  readonly stop: (signal: NodeJS.Signals) => void;
  /** Somebody has said it again, and means it. */
  readonly stopAtOnce: () => void;
}

/** Listens until the returned function is called. */
export function onStopSignal({ stop, stopAtOnce }: StopHandlers): () => void {
  let isStopping = false;
  let isEchoOver = false;
  const hear = (signal: NodeJS.Signals) => {
    if (!isStopping) {
      isStopping = true;
      void echo().then(() => {
        isEchoOver = true;
      });
      stop(signal);
      // Nobody insists by closing the terminal.
    } else if (isEchoOver && signal !== "SIGHUP") stopAtOnce();
  };
  for (const signal of STOP_SIGNALS) process.on(signal, hear);
  return () => {
    for (const signal of STOP_SIGNALS) process.off(signal, hear);
  };
}

/** Until it's over. Where this process itself was busy for so long, an echo may still wait: it is heard first. */
async function echo(): Promise<void> {
  await sleep(ECHO_MS_MAX);
  await setImmediate();
}
