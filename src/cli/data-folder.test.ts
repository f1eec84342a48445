import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { problemOfFolder, requireFolder } from "./data-folder.ts";
import { explain } from "./failure.ts";

const here = mkdtempSync(join(tmpdir(), "roost-folder-"));
const theirs = join(here, "it's theirs");
mkdirSync(theirs);
chmodSync(here, 0o755);
chmodSync(theirs, 0o555);
afterAll(() => rmSync(here, { recursive: true }));

/** Root may write everywhere: for a moment it's another user. */
function asAnotherUser<T>(run: () => T): T {
  if (process.getuid?.() !== 0) return run();
  process.seteuid?.(65_534);
  try {
    return run();
  } finally {
    process.seteuid?.(0);
  }
}

it("leaves nothing behind in one that can be used, and makes none", () => {
  expect(problemOfFolder(here)).toBeNull();
  expect(problemOfFolder(join(here, "later", "data"))).toBeNull();
  expect(readdirSync(here)).toEqual(["it's theirs"]);
});

it("says at the start how a folder of another user is made one's own", () => {
  const failure = asAnotherUser(() => {
    try {
      return requireFolder(theirs);
    } catch (error) {
      return explain(error);
    }
  });
  expect(failure).toEqual({
    exitCode: 77,
    lines: [
      `DATA_DIR can't be used: ${theirs} can't be written to by this user.`,
      `To mend it: sudo chown "$(id -un)" '${here}/it'\\''s theirs', or name another with DATA_DIR=…`,
    ],
    isBug: false,
  });
});

it("takes no folder from others for one that is to be made there", () => {
  const { says, mend } = asAnotherUser(() => problemOfFolder(join(theirs, "data"))) ?? {};
  expect(says).toBe(`${theirs} can't be written to by this user`);
  expect(mend).toMatch(/^sudo install -d -o "\$\(id -un\)" '.*theirs\/data', or name another/);
});
