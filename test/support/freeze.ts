import { descendantsOf } from "../../src/cluster/process.ts";

/**
 * Stops a process and what it has started: those go on without it. It is first, so that there will be no more of them.
 * Gives what lets them go on.
 */
export function freezeAll(pid: number): () => void {
  process.kill(pid, "SIGSTOP");
  const frozen = [pid, ...descendantsOf(pid).filter((child) => isSignalled(child, "SIGSTOP"))];
  return () => {
    for (const one of frozen) isSignalled(one, "SIGCONT");
  };
}

/** False when the process has just ended. */
function isSignalled(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
