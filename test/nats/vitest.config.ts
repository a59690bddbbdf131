import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import units from "../../vitest.config.ts";

/** The tests over NATS, with a nats-server of their own: `npm run test:nats` sees to it that there is one. */
export default defineConfig({
  ...(units.resolve === undefined ? {} : { resolve: units.resolve }),
  test: {
    root: fileURLToPath(new URL(".", import.meta.url)),
    include: ["**/*.test.ts"],
    testTimeout: 180_000,
    fileParallelism: false,
  },
});
