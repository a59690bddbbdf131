/** The config that test/mcp/stdio.test.ts has `baton mcp` serve: prints where nothing should, and waits for a file. */
import { existsSync } from "node:fs";
import { agent, contract, defineConfig, workflow } from "baton";
import { z } from "zod";

console.log("printed while the config is loaded");

const Wanted = contract("wanted", "1.0.0", z.object({ name: z.string(), gate: z.string() }));
const Given = contract("given", "1.0.0", z.object({ name: z.string(), pid: z.int() }));

const first = agent({
  name: "first",
  version: "1.0.0",
  input: Wanted,
  output: Given,
  execute: ({ name }) => {
    console.log("printed by an agent");
    return { name, pid: process.pid };
  },
});

/** Waits until a file is there. */
const gate = agent({
  name: "gate",
  version: "1.0.0",
  input: Wanted,
  output: Wanted,
  timeout: "60s",
  execute: async (input, { signal }) => {
    while (!existsSync(input.gate)) {
      signal.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return input;
  },
});

const steps = workflow("two-steps", "1.0.0", { input: Wanted, output: Given })
  .step("first", first, { input: ({ input }) => input })
  .step("gate", gate, { needs: ["input", "first"], input: ({ input }) => input })
  .output((state) => state.first);

export default defineConfig({ workflows: [steps] });
