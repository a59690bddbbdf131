/** What the code says of agents, contracts and workflows, as a registry keeps it. */
import { canonicalJson } from "../journal/canonical.ts";
import { sha256Hex } from "../journal/hash.ts";
import type { AgentDefinition } from "../model/agent-definition.ts";
import type { AnyContract } from "../model/contract.ts";
import { BatonError } from "../model/errors.ts";
import { type Json, type JsonObject, sealJson } from "../model/json.ts";
import { graphOf, pinnedAgent } from "../model/manifest.ts";
import { keyText, type RegisteredKind, type RegistryKey } from "../model/registered-name.ts";
import type { TopicDefinition } from "../model/topic.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import { agentsOf, fallbackOf, partsOf, topicsOf, workflowsOf } from "../model/workflow-parts.ts";
import type { RegistryItem } from "../ports/registry.ts";

/** Definitions given in code: what `open()` takes. */
export interface Definitions {
  readonly workflows: readonly WorkflowDefinition[];
  /** Agents that no workflow names. */
  readonly agents?: readonly AgentDefinition[];
  /** Topics that no workflow names: their contracts are registered. */
  readonly topics?: readonly TopicDefinition[];
}

/**
 * All agents, contracts and workflows of these definitions, nested ones and fallbacks included, as items for a registry: each
 * with its canonical definition, the fingerprint of that, and what it uses. Contracts come first, then agents, then workflows, each
 * by name and version; nothing is asked of anybody.
 *
 * Of a contract count its schemas, its sensitive paths, and its rules by name and path; of an agent its contracts and policies; of
 * a workflow the graph that may not change while it keeps its version. Code that is not data (`execute`, what a rule computes)
 * and descriptions do not count.
 *
 * @throws BatonError DEFINITION_INVALID where one name and version is two different things.
 */
export function catalogueItems({
  workflows,
  agents = [],
  topics = [],
}: Definitions): readonly RegistryItem[] {
  const parts = workflows.map(partsOf);
  const allAgents = new Set([...parts.flatMap((each) => [...each.agents]), ...agents]);
  // A set that grows while it is walked gives what was added as well: so is a fallback's own fallback.
  for (const each of allAgents) {
    const fallback = fallbackOf(each);
    if (fallback !== undefined) allAgents.add(fallback);
  }
  const contracts = new Set([
    ...parts.flatMap((each) => [...each.contracts]),
    ...[...allAgents].flatMap(({ input, output }) => [input, output]),
    ...topics.map(({ contract }) => contract),
  ]);
  const nested = new Set(parts.flatMap((each) => [...each.workflows]));
  return unique([
    ...[...contracts].map(contractItem),
    ...[...allAgents].map(agentItem),
    ...[...nested].map(workflowItem),
  ]);
}

function unique(items: readonly RegistryItem[]): readonly RegistryItem[] {
  const byKey = new Map<string, RegistryItem>();
  const problems = new Set<string>();
  for (const item of items) {
    const key = keyText(item);
    const known = byKey.get(key);
    if (known !== undefined && known.fingerprint !== item.fingerprint)
      problems.add(`There are two different things in the code that are ${key}.`);
    byKey.set(key, known ?? item);
  }
  if (problems.size > 0) {
    const found = [...problems];
    throw new BatonError("DEFINITION_INVALID", found.join(" "), { details: { problems: found } });
  }
  return [...byKey.values()];
}

interface Described {
  readonly name: string;
  readonly version: string;
  readonly description?: string | undefined;
}

function item(
  kind: RegisteredKind,
  { name, version, description }: Described,
  definition: JsonObject,
  uses: readonly RegistryKey[],
): RegistryItem {
  // An object that is sealed is a JSON object.
  const sealed = sealJson(definition, `${kind} ${name}@${version}`) as JsonObject;
  return Object.freeze({
    kind,
    name,
    version,
    ...(description === undefined ? {} : { description }),
    definition: sealed,
    fingerprint: fingerprintOf(sealed),
    uses: distinct(uses),
  });
}

/** SHA-256 of a definition's canonical JSON, in hex. */
export function fingerprintOf(definition: JsonObject): string {
  return sha256Hex(canonicalJson(definition));
}

function contractItem(contract: AnyContract): RegistryItem {
  const { jsonSchema, accepts, sensitive, rules } = contract.describe();
  const definition = {
    schema: undescribed(jsonSchema),
    accepts: undescribed(accepts),
    sensitive: sensitive ?? [],
    rules: rules ?? [],
  };
  return item("contract", contract, definition, []);
}

/** A schema without its own description, which is the contract's: another description is no other schema. */
function undescribed(schema: Json | undefined): Json {
  if (schema === undefined) return null;
  if (typeof schema !== "object" || schema === null || Array.isArray(schema)) return schema;
  // Neither null nor a list nor a scalar: what is left of Json is JsonObject.
  const { description: _, ...rest } = schema as JsonObject;
  return rest;
}

function agentItem(agent: AgentDefinition): RegistryItem {
  const fallback = fallbackOf(agent);
  return item("agent", agent, pinnedAgent(agent), [
    keyOf("contract", agent.input),
    keyOf("contract", agent.output),
    ...(fallback === undefined ? [] : [keyOf("agent", fallback)]),
  ]);
}

/** Its contracts are items of their own, and agents stand in the graph by name: that is where their versions are. */
function workflowItem(workflow: WorkflowDefinition): RegistryItem {
  const { format: _, workflow: __, contracts: ___, ...graph } = graphOf(workflow);
  const { input, output, steps } = workflow;
  return item("workflow", workflow, graph, [
    keyOf("contract", input),
    ...(output === undefined ? [] : [keyOf("contract", output)]),
    ...steps.flatMap((step) => [
      ...agentsOf(step).map((each) => keyOf("agent", each)),
      ...workflowsOf(step).map((each) => keyOf("workflow", each)),
      ...(step.kind === "signal" ? [keyOf("contract", step.contract)] : []),
      ...topicsOf(step).map(({ contract }) => keyOf("contract", contract)),
    ]),
  ]);
}

function keyOf(
  kind: RegisteredKind,
  { name, version }: { readonly name: string; readonly version: string },
): RegistryKey {
  return { kind, name, version };
}

/** Each key once, in the order in which it is met. */
export function distinct(keys: readonly RegistryKey[]): readonly RegistryKey[] {
  return [...new Map(keys.map((key) => [keyText(key), key])).values()];
}
