/**
 * Publishing: all that is in the way is looked for first, so that what is refused leaves nothing behind.
 *
 * The open-source server looks whether a function is there and creates it in two steps: of two who create one at the same moment,
 * both may be told that they did, and it has two. So whoever has created looks again, and the one who was later sees both. (Unless
 * a page of the list ends between the two: the server goes on after the name. Then the calls that meet the other one are refused.)
 */
import { BatonError } from "../../model/errors.ts";
import type { Json } from "../../model/json.ts";
import { keyText, registeredName, type RegistryPlace } from "../../model/registered-name.ts";
import type { Published, RegistryItem, RegistryKey } from "../../ports/registry.ts";
import { definitionDifferences, differenceText } from "../../registry/differences.ts";
import type { UnityClient } from "./client.ts";
import { fullName, type FunctionName, nameFunction, versionFunction } from "./function-names.ts";
import {
  createFunction,
  findFunction,
  type FoundFunction,
  listFunctions,
  type NewFunction,
} from "./functions.ts";
import { parametersOf, returnType } from "./parameters.ts";

export interface Shelf {
  readonly client: UnityClient;
  readonly place: RegistryPlace;
}

/** What is published at once, and what stands under its names. */
interface Plan {
  readonly item: RegistryItem;
  readonly versionAt: FunctionName;
  readonly nameAt: FunctionName;
  readonly version: FoundFunction | undefined;
  readonly name: FoundFunction | undefined;
}

/** So many questions are under way at once. */
const QUESTIONS_MAX = 8;

/**
 * @throws BatonError REGISTRY_CONFLICT, and nothing was created; or something was, where somebody else published another definition
 *   of the same version at the same moment: then the later one at least is told
 */
export async function publishItems(
  shelf: Shelf,
  items: readonly RegistryItem[],
  by: string,
): Promise<readonly Published[]> {
  const plans: Plan[] = [];
  for (let from = 0; from < items.length; from += QUESTIONS_MAX) {
    const some = items.slice(from, from + QUESTIONS_MAX);
    plans.push(...(await Promise.all(some.map((item) => looked(shelf, item)))));
  }
  refuseConflicts(plans);
  const contracts = new Map(
    items.flatMap((item) =>
      item.kind === "contract" ? [[`${item.name}@${item.version}`, item] as const] : [],
    ),
  );
  const published: Published[] = [];
  for (const plan of plans) {
    const { kind, name, version } = plan.item;
    published.push({
      key: { kind, name, version },
      fullName: registeredName(name, shelf.place),
      became: await created(shelf, plan, contracts, by),
    });
  }
  const news = plans.filter((_, i) => published[i]?.became === "registered");
  await refuseDoubles(shelf.client, news);
  return published;
}

async function refuseDoubles(client: UnityClient, news: readonly Plan[]): Promise<void> {
  const items = new Map(news.map(({ item, versionAt }) => [fullName(versionAt), item]));
  const places = new Map(
    news.map(({ versionAt: { catalog, schema } }) => [`${catalog}.${schema}`, { catalog, schema }]),
  );
  for (const place of places.values())
    for await (const { name, document } of listFunctions(client, place)) {
      const at = fullName({ ...place, name });
      const item = items.get(at);
      if (item === undefined || document?.is !== "version") continue;
      const conflict = different(document.item, item);
      if (conflict === undefined) continue;
      throw new BatonError(
        "REGISTRY_CONFLICT",
        `${conflict} Both were published at once, as ${at}.`,
        {
          hint: "Remove that function in the catalogue as often as it is there, and publish again what it is to be.",
          details: { conflicts: [{ key: keyText(item), message: conflict }] },
        },
      );
    }
}

async function looked({ client, place }: Shelf, item: RegistryItem): Promise<Plan> {
  const versionAt = versionFunction(place, item);
  const nameAt = nameFunction(place, item.kind, item.name);
  const [version, name] = await Promise.all([
    findFunction(client, versionAt),
    findFunction(client, nameAt),
  ]);
  return { item, versionAt, nameAt, version, name };
}

function refuseConflicts(plans: readonly Plan[]): void {
  const given = new Map<string, RegistryItem>();
  const conflicts = plans.flatMap(({ item, versionAt, nameAt, version, name }) => {
    const { kind, name: itemName, version: itemVersion } = item;
    const other = given.get(keyText(item));
    given.set(keyText(item), item);
    const message =
      (name === undefined ? undefined : takenName(item, nameAt, name)) ??
      (version === undefined ? undefined : takenVersion(item, versionAt, version)) ??
      (other === undefined ? undefined : different(other, item));
    return message === undefined
      ? []
      : [{ key: { kind, name: itemName, version: itemVersion }, message }];
  });
  if (conflicts.length === 0) return;
  const message = conflicts.map((each) => each.message).join(" ");
  throw new BatonError("REGISTRY_CONFLICT", message, { details: { conflicts } });
}

function takenName(
  { kind, name }: RegistryItem,
  at: FunctionName,
  { document }: FoundFunction,
): string | undefined {
  if (document?.is === "name" && document.kind === kind && document.name === name) return undefined;
  return `${fullName(at)} is there, and is something else than the ${kind} ${name}.`;
}

function takenVersion(
  item: RegistryItem,
  at: FunctionName,
  { document }: FoundFunction,
): string | undefined {
  if (document?.is !== "version" || keyText(document.item) !== keyText(item))
    return `${fullName(at)} is there, and is something else than ${keyText(item)}.`;
  return different(document.item, item);
}

function different(known: RegistryItem, item: RegistryItem): string | undefined {
  if (known.fingerprint === item.fingerprint) return undefined;
  const differences = definitionDifferences(known.definition, item.definition);
  return `${keyText(item)} is registered as something else: ${differences.map(differenceText).join("; ")}.`;
}

async function created(
  shelf: Shelf,
  plan: Plan,
  contracts: ReadonlyMap<string, RegistryItem>,
  by: string,
): Promise<Published["became"]> {
  const { client } = shelf;
  const { item, nameAt, versionAt } = plan;
  const { kind, name } = item;
  if (plan.name === undefined) {
    const made = await createFunction(client, nameAt, {
      document: { is: "name", kind, name, by },
      comment: `The ${kind} ${name} of Baton, with all its versions: who has EXECUTE on this may have it executed.`,
    });
    // Somebody else was faster, or an item before this one has the same name.
    if (made === "exists") refuse(takenName(item, nameAt, await foundAgain(client, nameAt)));
  }
  if (plan.version !== undefined) return "same";
  const made = await createFunction(client, versionAt, {
    document: { is: "version", item, by },
    comment: item.description ?? `The ${keyText(item)} of Baton.`,
    ...(await typed(shelf, item, contracts)),
  });
  if (made === "created") return "registered";
  refuse(takenVersion(item, versionAt, await foundAgain(client, versionAt)));
  return "same";
}

/** What could not be created because it was there; an empty one where it has gone again. */
async function foundAgain(client: UnityClient, at: FunctionName): Promise<FoundFunction> {
  return (
    (await findFunction(client, at)) ?? { name: at.name, owner: undefined, document: undefined }
  );
}

function refuse(conflict: string | undefined): void {
  if (conflict !== undefined) throw new BatonError("REGISTRY_CONFLICT", conflict);
}

/** Parameters and result of a function, from the contracts of what it stands for. */
async function typed(
  shelf: Shelf,
  { kind, definition }: RegistryItem,
  contracts: ReadonlyMap<string, RegistryItem>,
): Promise<Pick<NewFunction, "parameters" | "returns">> {
  if (kind === "contract") return { parameters: parametersOf(takenIn(definition)) };
  const [input, output] = await Promise.all(
    ["input", "output"].map((end) => contractOf(shelf, definition[end], contracts)),
  );
  return {
    parameters: parametersOf(input === undefined ? undefined : takenIn(input.definition)),
    returns: returnType(output?.definition["schema"]),
  };
}

/** What a contract takes in: where there are defaults, more than it gives out. */
function takenIn({ accepts, schema }: RegistryItem["definition"]): Json | undefined {
  return accepts ?? schema;
}

/** By its `name@version`: one that is published with it, or that is registered. */
async function contractOf(
  { client, place }: Shelf,
  id: Json | undefined,
  contracts: ReadonlyMap<string, RegistryItem>,
): Promise<RegistryItem | undefined> {
  if (typeof id !== "string") return undefined;
  const given = contracts.get(id);
  if (given !== undefined) return given;
  const [name = "", version = ""] = id.split("@");
  const key: RegistryKey = { kind: "contract", name, version };
  const found = await findFunction(client, versionFunction(place, key));
  return found?.document?.is === "version" ? found.document.item : undefined;
}
