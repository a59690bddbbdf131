/** Definitions for tests of registries, and a registry in a store of its own. */
import { z } from "zod";
import {
  agent,
  type AgentDefinition,
  contract,
  rule,
  type StoreFactory,
  workflow,
  type WorkflowDefinition,
} from "baton";
import { catalogueItems } from "../../src/registry/catalogue-items.ts";
import { embeddedRegistry, type EmbeddedRegistryOptions } from "../../src/registry/embedded.ts";
import type { Registry, RegistryItem } from "../../src/ports/registry.ts";

export const Application = contract("loan-application", "1.0.0", z.object({ id: z.string() }), {
  description: "What a customer asks for.",
});

/** The report of a version: the second has a field more. */
function report(version: "1.0.0" | "2.0.0") {
  const base = z.object({ score: z.int().min(300).max(850), confidence: z.number() });
  const schema = version === "1.0.0" ? base : base.extend({ bureau: z.string() });
  return contract("loan-report", version, schema, {
    rules: [
      rule("confidence is at least 0.7", ({ confidence }) => confidence >= 0.7, {
        path: "/confidence",
      }),
    ],
  });
}

/** The agent of a version, and a workflow of one step. */
export function loan(version: "1.0.0" | "2.0.0" = "1.0.0"): {
  readonly scoring: AgentDefinition;
  readonly decision: WorkflowDefinition;
} {
  const scoring = agent({
    name: "loan-scoring",
    version,
    description: "Asks the bureau for a score.",
    input: Application,
    output: report(version),
    timeout: "5s",
    retry: { attempts: 3 },
    execute: () => ({ score: 750, confidence: 0.9, bureau: "north" }),
  });
  const decision = workflow("loan-decision", version, { input: Application })
    .step("score", scoring, { input: ({ input }) => input })
    .output(({ score }) => score);
  return { scoring, decision };
}

/** All that {@link loan} is made of. */
export function loanItems(version: "1.0.0" | "2.0.0" = "1.0.0"): readonly RegistryItem[] {
  return catalogueItems({ workflows: [loan(version).decision] });
}

/** An embedded registry alone, in a store that it has to itself; `close` closes the store too. */
export async function registryIn(
  factory: StoreFactory,
  options: EmbeddedRegistryOptions = {},
): Promise<Registry> {
  const store = await factory({ readOnly: false });
  const lease = await store.acquire("a test");
  if (lease.kind === "held") throw new Error(`held by ${lease.lease.holder}`);
  const made = embeddedRegistry(options);
  if (made.kind === "outside") throw new Error("it is kept in the store");
  let now = 0;
  const host = { store, namespace: "default", now: () => (now += 1), epoch: lease.epoch };
  const registry = await made.open(host);
  return {
    ...registry,
    close: async () => {
      await registry.close();
      await store.release(lease.epoch);
      await store.close();
    },
  };
}
