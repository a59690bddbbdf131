/**
 * A workflow without its functions, which can cross to another thread. What folds a journal calls none of them: its run is folded
 * there as it is here. Of contracts there is what is sensitive, and not the schema.
 */
import type { AnyContract } from "../../model/contract.ts";
import { isContract } from "../../model/problems.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";

/** The same agents, contracts and workflows are one object each, as in the definition. */
export function plainDefinition(definition: WorkflowDefinition): WorkflowDefinition {
  // Only functions are missing; `contentOf` calls none where inputs come from elsewhere.
  return plain(definition, new Map()) as WorkflowDefinition;
}

function plain(value: unknown, made: Map<object, unknown>): unknown {
  if (typeof value === "function") return undefined;
  if (typeof value !== "object" || value === null) return value;
  if (made.has(value)) return made.get(value);
  if (isContract(value)) return kept(value, plainContract(value), made);
  if (Array.isArray(value)) {
    const list = kept(value, [] as unknown[], made);
    for (const each of value) list.push(plain(each, made));
    return list;
  }
  if (value instanceof Map) {
    const map = kept(value, new Map<unknown, unknown>(), made);
    for (const [key, each] of value) map.set(key, plain(each, made));
    return map;
  }
  const fields = kept(value, {} as Record<string, unknown>, made);
  for (const [key, each] of Object.entries(value))
    if (typeof each !== "function") fields[key] = plain(each, made);
  return fields;
}

function plainContract({
  name,
  version,
  id,
  sensitive,
}: AnyContract): Pick<AnyContract, "name" | "version" | "id" | "sensitive"> {
  return { name, version, id, sensitive };
}

function kept<X>(value: object, copy: X, made: Map<object, unknown>): X {
  made.set(value, copy);
  return copy;
}
