import { defineConfig } from "vitest/config";

/**
 * The unit tests: beside the files, in test/, and in the examples. Workers are reused between files
 * (no isolation), which halves the time; so a test cleans up after itself and mocks no modules.
 * The packed package is tested apart (test/package/vitest.config.ts), because it is slow.
 */
export default defineConfig({
  test: {
    include: ["{src,test,examples,bench,scripts,tools}/**/*.test.ts"],
    exclude: ["**/node_modules/**", "dist/**", "test/package/**"],
    pool: "forks",
    isolate: false,
    maxWorkers: 2,
    testTimeout: 20_000,
    restoreMocks: true,
    unstubEnvs: true,
  },
});
