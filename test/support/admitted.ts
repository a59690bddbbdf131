/** Baton with a registry, for tests of what may be called. */
import {
  type Author,
  type Baton,
  catalogueItems,
  embeddedRegistry,
  type OpenOptions,
  type RegisteredItem,
  type Registry,
  type RegistryFactory,
  type RegistryKey,
  type WorkflowDefinition,
} from "baton";
import type { VirtualClock } from "baton/testing";
import { opened } from "./opened.ts";

export const GRACE: Author = { kind: "person", id: "grace" };
export const toGrace = { principal: "grace", privilege: "EXECUTE" } as const;

/** Baton with a registry in which ada has published all that is given. */
export async function registered(
  options: Partial<OpenOptions> & { readonly workflows: readonly WorkflowDefinition[] },
  clock?: VirtualClock,
): Promise<{ readonly baton: Baton; readonly clock: VirtualClock }> {
  const made = await opened({ registry: embeddedRegistry(), ...options }, clock);
  await made.baton.registry.publish(catalogueItems(options), "ada");
  return made;
}

/** Lets grace execute an agent or workflow. */
export async function grant(
  { registry }: Baton,
  ...names: readonly (readonly [string, string])[]
): Promise<void> {
  for (const [kind, name] of names)
    await registry.grant(kind === "workflow" ? kind : "agent", name, toGrace, "ada");
}

/** A registry outside of the store that answers as the test says; `find` may be another one. */
export function outside(
  ask: (question: string) => Promise<boolean>,
  find?: Registry["find"],
): {
  readonly factory: RegistryFactory;
  readonly asked: readonly string[];
} {
  const asked: string[] = [];
  const never = () => Promise.reject(new Error("is not asked"));
  const registry: Registry = {
    place: "main.default elsewhere",
    fullName: (name) => `main.default.${name}`,
    find: find ?? (async (key) => asKnown(key)),
    list: async function* () {},
    publish: never,
    alias: never,
    setAlias: never,
    grants: never,
    grant: never,
    revoke: never,
    mayExecute: async (kind, name, principal) => {
      asked.push(`${kind} ${name} ${principal}`);
      return await ask(`${kind} ${name}`);
    },
    close: async () => {},
  };
  return { factory: { kind: "outside", open: async () => registry }, asked };
}
const fingerprints = new Map<string, string>();

/** What {@link outside} finds: what was made {@link known}, as it is in the code. */
export function asKnown(key: RegistryKey): RegisteredItem {
  return {
    ...key,
    definition: {},
    fingerprint: fingerprints.get(`${key.kind} ${key.name}`) ?? "",
    uses: [],
    fullName: `main.default.${key.name}`,
    aliases: [],
  };
}

export function known<F extends WorkflowDefinition>(flow: F): F {
  for (const { kind, name, fingerprint } of catalogueItems({ workflows: [flow] }))
    fingerprints.set(`${kind} ${name}`, fingerprint);
  return flow;
}
