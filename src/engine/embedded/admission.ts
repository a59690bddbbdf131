/**
 * Admission: whether a call may be made, by the registry.
 *
 * Owns: what the code says of itself, and what of it was found in the registry. Does not own: the registry; who is who, which
 * the journal says (principals.ts); what becomes of a refused attempt, which is its agent's policy (attempts.ts).
 *
 * D1. EXECUTE is asked anew for each attempt: a revoked grant stops the next one.
 * D2. What can't be asked is refused, and tried again as the agent's policy says.
 * D3. A version that was found to be what the code says is not looked up again: what is registered is never changed.
 * D4. Attempts to compensate, and probes, are never asked for: what was done must be undone, whoever may do what by now.
 * D5. Nothing waits for what is looked up when Baton is opened: it warns, and each call is asked for all the same.
 */
import { catalogueItems, type Definitions } from "../../registry/catalogue-items.ts";
import { definitionDifferences, differenceText } from "../../registry/differences.ts";
import type { AdmissionMark } from "../../model/admission.ts";
import type { AgentDefinition } from "../../model/agent-definition.ts";
import type { Author } from "../../model/entry.ts";
import { BatonError, type ErrorCode, invariant, isBatonError } from "../../model/errors.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import { keyText, type RegisteredKind, type RegistryKey } from "../../model/registered-name.ts";
import type { RegisteredItem, Registry, RegistryItem } from "../../ports/registry.ts";
import { namedBy } from "../caller.ts";
import type { Catalogue } from "../definitions.ts";
import type { Actor, Core } from "./core.ts";
import { latestAnswer } from "./latest-answer.ts";
import { principals } from "./principals.ts";

/** How long an answer is waited for. */
const ANSWER_MS = 10_000;
/** Versions that are looked up at the same time when Baton is opened. */
const LOOK_UPS = 8;

/** Why something may not be called. */
export interface Forbidden {
  readonly error: BatonError;
  readonly mark: AdmissionMark;
  /** Whether another attempt would meet the same. */
  readonly final: boolean;
}

export interface Admission {
  /** Undefined where the agent may be called for the run. Never throws. */
  readonly call: (actor: Actor, agent: AgentDefinition) => Promise<Forbidden | undefined>;
  /** @throws BatonError NOT_REGISTERED, REGISTRY_DRIFT, NOT_GRANTED, REGISTRY_UNAVAILABLE */
  readonly start: (definition: WorkflowDefinition, by: Author) => Promise<void>;
  /** Begins to look up all that is in the code, and to warn of what can't be called. */
  readonly lookUp: () => void;
  /** No answer is waited for any more. */
  readonly end: () => void;
}

export interface AdmissionOptions {
  /** For whom a run executes that doesn't say it itself. */
  readonly principal?: string;
}

type Parts = Pick<Core, "clock" | "log" | "store" | "namespace">;

/** What is under way, and what has been found. */
interface Asking {
  readonly core: () => Parts;
  readonly registry: Registry;
  readonly items: Map<string, RegistryItem>;
  /** By key, the full names of those that are registered as they are in the code (D3). */
  readonly found: Map<string, string>;
  readonly find: ReturnType<typeof latestAnswer<RegisteredItem | undefined>>;
  readonly mayExecute: ReturnType<typeof latestAnswer<boolean>>;
  /** Ends one question each. */
  readonly waiting: Set<() => void>;
  ended: boolean;
}

/** @throws BatonError DEFINITION_INVALID where one name and version is two different things in the code. */
export function admission(
  core: () => Parts,
  registry: Registry,
  catalogue: Catalogue,
  { principal: otherwise }: AdmissionOptions,
): Admission {
  const items = new Map<string, RegistryItem>();
  const { workflows, agents } = catalogue;
  know(items, { workflows: [...workflows.values()], agents: [...agents.values()] });
  const asking: Asking = {
    core,
    registry,
    items,
    found: new Map(),
    find: latestAnswer(),
    mayExecute: latestAnswer(),
    waiting: new Set(),
    ended: false,
  };
  const { of } = principals(core);
  return {
    call: async (actor, agent) => {
      const { name, version } = agent;
      const key: RegistryKey = { kind: "agent", name, version };
      try {
        if (!items.has(keyText(key))) know(items, { workflows: [], agents: [agent] });
        const principal = (await of(actor)) ?? otherwise;
        return await forbidden(asking, key, principal);
      } catch (error) {
        return unavailable(asking, key, error);
      }
    },
    start: async ({ name, version }, by) => {
      const key: RegistryKey = { kind: "workflow", name, version };
      const principal = namedBy(by) ?? otherwise;
      const refused = await forbidden(asking, key, principal).catch((error: unknown) =>
        unavailable(asking, key, error),
      );
      if (refused !== undefined) throw refused.error;
    },
    lookUp: () => void lookUp(asking),
    end: () => {
      asking.ended = true;
      for (const giveUp of asking.waiting) giveUp();
    },
  };
}

function know(items: Map<string, RegistryItem>, definitions: Definitions): void {
  for (const item of catalogueItems(definitions)) items.set(keyText(item), item);
}

/** First whether it is what is registered, with its contracts; then whether it may be executed. */
async function forbidden(
  asking: Asking,
  key: RegistryKey,
  principal: string | undefined,
): Promise<Forbidden | undefined> {
  for (const each of [key, ...contractsOf(asking, key)]) {
    const missed = await differs(asking, each, principal);
    if (missed !== undefined) return missed;
  }
  const { kind, name } = key;
  const fullName = asking.found.get(keyText(key)) ?? name;
  const place = { registry: asking.registry.place, item: `${fullName}@${key.version}` };
  if (principal === undefined) {
    const message = `Nobody is named for whom ${keyText(key)} is to be executed.`;
    const hint = "Start the run with `by`, or give open() a `principal`.";
    return refusal("NOT_GRANTED", message, place, hint);
  }
  const may = await asking.mayExecute(`${kind} ${name} ${principal}`, () =>
    inTime(asking, () => asking.registry.mayExecute(kind, name, principal)),
  );
  if (may) return undefined;
  return refusal(
    "NOT_GRANTED",
    `${principal} has no EXECUTE on ${kind} ${fullName}, by ${asking.registry.place}.`,
    { ...place, principal },
    `Let its owner grant it: baton registry grant ${kind} ${name} ${principal}`,
  );
}

function contractsOf({ items }: Asking, key: RegistryKey): readonly RegistryKey[] {
  return items.get(keyText(key))?.uses.filter(({ kind }) => kind === "contract") ?? [];
}

/** Whether a version is not registered, or as something else. */
async function differs(
  asking: Asking,
  key: RegistryKey,
  principal: string | undefined,
): Promise<Forbidden | undefined> {
  const id = keyText(key);
  if (asking.found.has(id)) return undefined;
  const { registry, items, found } = asking;
  const forWhom = principal === undefined ? {} : { principal };
  const unknown = { registry: registry.place, item: `${key.name}@${key.version}`, ...forWhom };
  const missing = `${id} is not registered in ${registry.place}`;
  const why = unregistrable(registry, key.name);
  if (why !== undefined)
    return refusal("NOT_REGISTERED", `${missing}: ${why.message}`, unknown, why.hint);
  const known = await asking.find(id, () => inTime(asking, () => registry.find(key)));
  if (known === undefined) return refusal("NOT_REGISTERED", `${missing}.`, unknown);
  const item = items.get(id);
  invariant(item !== undefined, `${id} is asked for, and no code says what it is.`);
  if (item.fingerprint === known.fingerprint) {
    found.set(id, known.fullName);
    return undefined;
  }
  const differences = definitionDifferences(known.definition, item.definition);
  const first = differences.slice(0, 3).map(differenceText).join("; ");
  return refusal(
    "REGISTRY_DRIFT",
    `${id} is something else than what is registered in ${registry.place}: ${first}.`,
    {
      registry: registry.place,
      item: `${known.fullName}@${known.version}`,
      ...forWhom,
      fingerprint: item.fingerprint,
      registered: known.fingerprint,
      differences,
    },
  );
}

/** Why a registry can have nothing of that name: code may have names of more levels than a registry. */
function unregistrable(registry: Registry, name: string): BatonError | undefined {
  try {
    registry.fullName(name);
    return undefined;
  } catch (error) {
    if (isBatonError(error, "ARGUMENT_INVALID")) return error;
    throw error;
  }
}

function refusal(code: ErrorCode, message: string, mark: AdmissionMark, hint?: string): Forbidden {
  const details = { ...mark };
  const error = new BatonError(code, message, { details, ...(hint === undefined ? {} : { hint }) });
  return { error, mark, final: true };
}

/** What could not be asked is tried again, but for what is a mistake of Baton's own. */
function unavailable(
  { registry }: Asking,
  { name, version }: RegistryKey,
  cause: unknown,
): Forbidden {
  const mark = { registry: registry.place, item: `${name}@${version}` };
  if (isBatonError(cause, "INVARIANT_BROKEN")) return { error: cause, mark, final: true };
  const why = cause instanceof Error ? cause.message : String(cause);
  const error = isBatonError(cause, "REGISTRY_UNAVAILABLE")
    ? cause
    : new BatonError(
        "REGISTRY_UNAVAILABLE",
        `The registry ${registry.place} could not be asked: ${why}`,
        { cause, details: mark },
      );
  return { error, mark, final: false };
}

/** @throws BatonError REGISTRY_UNAVAILABLE where no answer comes in time, or before Baton is closed. */
async function inTime<X>(asking: Asking, ask: () => Promise<X>): Promise<X> {
  const { core, registry, waiting } = asking;
  const noAnswer = (when: string) =>
    new BatonError(
      "REGISTRY_UNAVAILABLE",
      `The registry ${registry.place} did not answer ${when}.`,
    );
  const closed = "before Baton was closed";
  if (asking.ended) throw noAnswer(closed);
  let over = () => {};
  const late = new Promise<never>((_, reject) => {
    const giveUp = () => reject(noAnswer(closed));
    const cancel = core().clock.after(ANSWER_MS, () =>
      reject(noAnswer(`within ${ANSWER_MS / 1_000} seconds`)),
    );
    waiting.add(giveUp);
    over = () => {
      cancel();
      waiting.delete(giveUp);
    };
  });
  try {
    return await Promise.race([ask(), late]);
  } finally {
    over();
  }
}

const LOOKED_UP: readonly RegisteredKind[] = ["agent", "workflow"];

async function lookUp(asking: Asking): Promise<void> {
  const { core, items } = asking;
  const keys = [...items.values()].filter(({ kind }) => LOOKED_UP.includes(kind));
  const warn = (message: string) => core().log({ level: "warn", message, at: core().clock.now() });
  for (let i = 0; i < keys.length; i += LOOK_UPS) {
    const some = keys.slice(i, i + LOOK_UPS).map((item) => lookUpOne(asking, item));
    for (const found of await Promise.all(some)) {
      if (asking.ended) return;
      if (found === undefined) continue;
      warn(`${found.error.message} It will not be called as long as that is so.`);
      // The others would only say the same, each after its time.
      if (!found.final) return;
    }
  }
}

async function lookUpOne(asking: Asking, item: RegistryItem): Promise<Forbidden | undefined> {
  try {
    for (const key of [item, ...contractsOf(asking, item)]) {
      const found = await differs(asking, key, undefined);
      if (found !== undefined) return found;
    }
    return undefined;
  } catch (error) {
    return unavailable(asking, item, error);
  }
}
