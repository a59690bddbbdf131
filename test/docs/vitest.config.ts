import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** The documentation, followed word by word. It needs dist/, and starts the command some hundred times. */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL(".", import.meta.url)),
    include: ["**/*.test.ts"],
    testTimeout: 300_000,
    maxWorkers: 2,
  },
});
