/** Whether DATA_DIR can be used: what a start is refused for, doctor finds. */
import { lstatSync, mkdtempSync, rmdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { CommandError, type ExitCode, exitCodes } from "./exit-codes.ts";

export interface FolderProblem {
  readonly says: string;
  readonly mend: string;
  readonly exitCode: ExitCode;
}

const ANOTHER = "name another with DATA_DIR=…";

/** The folder, or the closest one above it that is there. */
export function closestTo(dir: string): string {
  return isThere(dir) || dir === dirname(dir) ? dir : closestTo(dirname(dir));
}

/** Null when it can be used, or made. Leaves nothing behind. */
export function problemOfFolder(dataDir: string): FolderProblem | null {
  const there = closestTo(dataDir);
  if (!statSync(there, { throwIfNoEntry: false })?.isDirectory())
    return { says: `${there} is not a folder`, mend: ANOTHER, exitCode: exitCodes.config };
  try {
    // To try is the only sure way. In /proc nothing can be made, though root may write there; Node's recursive mkdir
    // tries it for ever.
    rmdirSync(mkdtempSync(join(there, ".roost-probe-")));
    return null;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // What root may not, no other owner may either.
    if (process.geteuid?.() === 0 || (code !== "EACCES" && code !== "EPERM")) {
      const says = `nothing can be made in ${there} (${code})`;
      return { says, mend: ANOTHER, exitCode: exitCodes.notAllowed };
    }
    const own = there === dataDir ? `chown "$(id -un)"` : `install -d -o "$(id -un)"`;
    return {
      says: `${there} can't be written to by this user`,
      mend: `sudo ${own} '${dataDir.replaceAll("'", "'\\''")}', or ${ANOTHER}`,
      exitCode: exitCodes.notAllowed,
    };
  }
}

/** Refuses a DATA_DIR that can't be used, before anything is made there. */
export function requireFolder(dataDir: string): void {
  const problem = problemOfFolder(dataDir);
  if (problem === null) return;
  throw new CommandError(problem.exitCode, `DATA_DIR can't be used: ${problem.says}.`, {
    hint: `To mend it: ${problem.mend}`,
  });
}

/** A link that leads nowhere is there too, and in the way. */
function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
