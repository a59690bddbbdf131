import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** The test of the packed package: it builds, packs and installs, which takes minutes where SQLite is compiled. */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL(".", import.meta.url)),
    include: ["**/*.test.ts"],
    testTimeout: 600_000,
    hookTimeout: 600_000,
    fileParallelism: false,
  },
});
