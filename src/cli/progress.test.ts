import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { Progress } from "./progress.ts";
import { Terminal } from "./terminal.ts";

function progressOn({ isTTY, quiet = false }: { isTTY: boolean; quiet?: boolean }) {
  const stderr = Object.assign(new PassThrough(), { isTTY, columns: 100 });
  const terminal = new Terminal({
    stdin: new PassThrough(),
    stdout: new PassThrough(),
    stderr,
    color: "never",
    quiet,
    verbose: false,
  });
  let nowMs = 1_000;
  const progress = new Progress({ terminal, clock: { nowMs: () => nowMs } });
  return { progress, written: () => String(stderr.read() ?? ""), pass: (ms: number) => (nowMs += ms) };
}

it("writes a line each tenth where nobody watches", () => {
  const { progress, written } = progressOn({ isTTY: false });
  for (let done = 0; done <= 1_000; done += 1) progress.update(done, 1_000, "Posts");
  const lines = written().trim().split("\n");
  expect(lines).toHaveLength(11);
  expect(lines[3]).toBe("Posts: 300 of 1000 (30 %)");
});

it("draws a bar with rate and time left on a terminal, not too often", () => {
  const { progress, written, pass } = progressOn({ isTTY: true });
  progress.update(0, 1_000, "Posts");
  progress.update(1, 1_000, "Posts");
  expect(written().match(/Posts/g)).toHaveLength(1);
  pass(2_000);
  progress.update(500, 1_000, "Posts");
  expect(written()).toContain("50 %  500/1,000  250/s  2 s left");
});

it("says nothing when told to be quiet", () => {
  const { progress, written } = progressOn({ isTTY: false, quiet: true });
  progress.update(1, 2, "Posts");
  expect(written()).toBe("");
});
