import { defineConfig } from "vitest/config";

/** Tests beside the code that start an engine or a whole process; test/tidy.test.ts holds this list. */
export const ENGINE_TESTS = [
  "src/accounts/*.test.ts",
  "src/api/**/*.test.ts",
  "src/cli/**/*.test.ts",
  "src/cluster/*.test.ts",
  "src/demo/*.test.ts",
  "src/engines/**/*.test.ts",
  "src/feed/*.test.ts",
  "src/notifications/*.test.ts",
  "src/statuses/*.test.ts",
];

/**
 * Kinds of tests, by what they need. `unit` and `web` need nothing; `engines` start a PostgreSQL of their own; `e2e`
 * start whole servers; `browser` needs a Chromium; `cluster` breaks the parts of one cluster, a file after the other.
 */
export default defineConfig({
  test: {
    // Two whole servers at a time, each waiting half of its time: what two cores, a laptop's and CI's, can carry.
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "bench/**/*.test.ts", "scripts/**/*.test.ts", "test/*.test.ts"],
          exclude: ENGINE_TESTS,
          testTimeout: 15_000,
          hookTimeout: 30_000,
        },
      },
      {
        test: {
          name: "engines",
          include: ENGINE_TESTS,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/{api,property,kill}/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 90_000,
        },
      },
      {
        // On a cluster that runs already: `npm run test:cluster` starts one.
        test: {
          name: "cluster",
          include: ["test/cluster/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: "web",
          include: ["web/src/**/*.test.{ts,tsx}"],
          testTimeout: 15_000,
        },
      },
      {
        test: {
          name: "browser",
          include: ["test/browser/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
