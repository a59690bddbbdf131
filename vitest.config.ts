import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

function source(path: string): string {
  return fileURLToPath(new URL(`src/${path}`, import.meta.url));
}

/**
 * The unit tests: beside the files, in test/, and in the examples. Workers are reused between files
 * (no isolation), which halves the time; so a test cleans up after itself and mocks no modules.
 * The packed package and the documentation are tested apart (test/package, test/docs), because that is slow.
 */
export default defineConfig({
  // The package's own name leads to its sources, as `paths` in tsconfig.json does for the compiler.
  resolve: {
    alias: [
      { find: /^baton$/, replacement: source("index.ts") },
      { find: /^baton\/ai-sdk$/, replacement: source("ai-sdk.ts") },
      { find: /^baton\/sqlite$/, replacement: source("sqlite.ts") },
      { find: /^baton\/a2a$/, replacement: source("a2a.ts") },
      { find: /^baton\/cloud-events$/, replacement: source("cloud-events.ts") },
      { find: /^baton\/otel$/, replacement: source("otel.ts") },
      { find: /^baton\/langgraph$/, replacement: source("langgraph.ts") },
      { find: /^baton\/databricks$/, replacement: source("databricks.ts") },
      { find: /^baton\/delta$/, replacement: source("delta.ts") },
      { find: /^baton\/mcp$/, replacement: source("mcp.ts") },
      { find: /^baton\/nats$/, replacement: source("nats.ts") },
      { find: /^baton\/unity-catalog$/, replacement: source("unity-catalog.ts") },
      { find: /^baton\/testing$/, replacement: source("testing/testing.ts") },
    ],
  },
  test: {
    include: ["{src,test,examples,labs,bench,scripts,tools}/**/*.test.ts"],
    passWithNoTests: true,
    exclude: [
      "**/node_modules/**",
      "dist/**",
      "test/package/**",
      "test/docs/**",
      "test/nats/**",
      "test/interop/**",
    ],
    pool: "forks",
    isolate: false,
    maxWorkers: 2,
    setupFiles: ["test/support/real-timers.ts"],
    testTimeout: 20_000,
    restoreMocks: true,
    unstubEnvs: true,
  },
});
