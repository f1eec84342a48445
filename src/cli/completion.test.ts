/** The scripts are run by the shells themselves; one that isn't installed is skipped. */
import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { emptyFolder, roost } from "./spawned.ts";

const here = emptyFolder();
/** Asks for what is offered after the words before `$LAST`, a line each. */
const ASK: Record<string, (before: string, count: number) => string> = {
  bash: (before, count) =>
    `COMP_WORDS=(${before} "$LAST"); COMP_CWORD=${count}; _roost; printf '%s\\n' "\${COMPREPLY[@]}"`,
  // zsh's own functions work only while somebody types.
  zsh: (before, count) =>
    `_describe() { print -l -- "\${(@)next}" }; words=(${before} "$LAST"); CURRENT=${count + 1}; _roost`,
  fish: (before) => `complete -C "${before} $LAST"; true`,
};

describe.each(Object.keys(ASK))("completion in %s", (shell) => {
  const isInstalled = spawnSync(shell, ["-c", "true"]).status === 0;
  let script = "";

  beforeAll(async () => {
    const { code, stdout } = await roost(["completion", shell], {}, here);
    expect(code).toBe(0);
    script = stdout;
  });

  function offered(typed: string): string[] {
    const before = typed.split(" ");
    const last = before.pop() ?? "";
    const asked = ASK[shell]?.(before.join(" "), before.length);
    const prepared = shell === "zsh" ? "compdef() { : }\n" : "";
    const env = { PATH: "/usr/local/bin:/usr/bin:/bin", XDG_CONFIG_HOME: join(here, "config"), LAST: last };
    const args = ["-c", `${prepared}${script}\n${asked}\n`];
    const out = execFileSync(shell, args, { env: { HOME: here, ...env }, cwd: here, encoding: "utf8" });
    // In zsh and fish the meaning follows the word.
    const words = out.split("\n").map((line) => line.split(/[\t:]/)[0] ?? "");
    return words.filter((word) => word !== "" && word.startsWith(last)).sort();
  }

  it.skipIf(!isInstalled)(`offers commands, verbs and flags (skipped without ${shell})`, () => {
    expect(offered("roost st")).toEqual(["start", "streaming"]);
    expect(offered("roost accounts s")).toEqual(["suspend"]);
    expect(offered("roost accounts create --pass")).toEqual(["--password-stdin"]);
    expect(offered("roost -v token create --js")).toEqual(["--json"]);
    expect(offered("roost accounts create start --em")).toEqual(["--email"]);
    expect(offered("roost completion ")).toEqual(expect.arrayContaining(["bash", "fish", "zsh"]));
    expect(offered("roost start --sign")).toEqual(["--sign-ups"]);
  });
});
