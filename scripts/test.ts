/** `npm test`: everything that tells whether a change is good. `--long` runs the property and kill tests for longer. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const isLong = process.argv.includes("--long");
const chromium = [
  process.env.CHROMIUM_PATH,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
]
  .filter((path) => path !== undefined)
  .find((path) => existsSync(path));
const folder = mkdtempSync(join(tmpdir(), "roost-test-"));
const report = join(folder, "vitest.json");
const env = {
  ...process.env,
  ...(isLong ? { TEST_LONG: "1" } : {}),
  ...(chromium ? { CHROMIUM_PATH: chromium } : {}),
};

const projects = isLong ? ["e2e"] : ["unit", "engines", "e2e", "web", ...(chromium ? ["browser"] : [])];
const steps: [string, string[]][] = [
  ...(isLong
    ? []
    : ([
        ["biome", ["ci", "."]],
        ["tsc", ["--noEmit"]],
        ["tsc", ["--noEmit", "-p", "web"]],
        ["tsc", ["--noEmit", "-p", "test/browser"]],
        ["vite", ["build", "web", "--logLevel", "warn"]],
        ["node", ["scripts/check-web-size.ts"]],
      ] satisfies [string, string[]][])),
  [
    "vitest",
    [
      "run",
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${report}`,
      ...projects.flatMap((name) => ["--project", name]),
    ],
  ],
];

const failed: string[] = [];
for (const [command, args] of steps) {
  console.log(`\n> ${command} ${args.filter((arg) => !arg.includes(folder)).join(" ")}`);
  const { status } = spawnSync(command, args, { stdio: "inherit", env });
  if (status !== 0) {
    failed.push([command, ...args.slice(0, 1)].join(" "));
  }
}
if (!chromium && !isLong) {
  console.log("\nskipped: the browser tests, since no Chromium was found (install it, or set CHROMIUM_PATH)");
}

const counts = existsSync(report)
  ? (JSON.parse(readFileSync(report, "utf8")) as Record<
      "numPassedTests" | "numFailedTests" | "numPendingTests",
      number
    >)
  : { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0 };
rmSync(folder, { recursive: true, force: true });
console.log(
  `\n${counts.numPassedTests} passed, ${counts.numFailedTests} failed, ${counts.numPendingTests} skipped`,
);
// Last, where the end of a long log is looked at: a formatter's complaint stands far above it.
if (failed.length > 0) console.log(`failed: ${failed.join(", ")}`);
process.exit(failed.length > 0 || counts.numPassedTests === 0 ? 1 : 0);
