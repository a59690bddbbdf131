/**
 * Aliases. A function can't be changed, so each change of a name's aliases is a function of its own, numbered densely from 1, with
 * all the aliases after it: the last one counts. Who set what when stays in the catalogue.
 *
 * Two who set aliases at once want the same number. One of them is refused and takes the next one; or, with the open-source server,
 * both get it (publishing.ts says why). Then the later one sees both, and makes one more change with what either of them set.
 */
import { BatonError } from "../../model/errors.ts";
import type { RegistryPlace } from "../../model/registered-name.ts";
import type { RegisteredKind, RegistryKey } from "../../ports/registry.ts";
import { unavailable, type UnityClient } from "./client.ts";
import { aliasesFunction, fullName, type FunctionName } from "./function-names.ts";
import { createFunction, findFunction, listFunctions } from "./functions.ts";

type Named = Pick<RegistryKey, "kind" | "name">;

/** A name's aliases, after so many changes. */
interface Change {
  readonly change: number;
  readonly aliases: Readonly<Record<string, string>>;
}

export interface Aliases {
  /** Versions by alias. */
  readonly read: (kind: RegisteredKind, name: string) => Promise<Readonly<Record<string, string>>>;
  readonly set: (key: RegistryKey, alias: string, by: string) => Promise<void>;
}

/** Each that is lost was won by somebody else. */
const ATTEMPTS_MAX = 20;

const NONE: Change = { change: 0, aliases: {} };

export function unityAliases(client: UnityClient, place: RegistryPlace): Aliases {
  /** Where to look first; what is there is asked each time. */
  const hints = new Map<string, number>();

  async function at(named: Named, change: number): Promise<Change | undefined> {
    const of = aliasesFunction(place, { ...named, change });
    const document = (await findFunction(client, of))?.document;
    const isOurs =
      document?.is === "aliases" &&
      document.kind === named.kind &&
      document.name === named.name &&
      document.change === change;
    return isOurs ? { change, aliases: document.aliases } : undefined;
  }

  /** The last change: by longer and longer steps, and again by short ones where one led too far. */
  async function last(named: Named): Promise<Change> {
    const hintOf = `${named.kind} ${named.name}`;
    const hint = hints.get(hintOf) ?? 0;
    let newest = (hint === 0 ? undefined : await at(named, hint)) ?? NONE;
    for (let step = 1; ; ) {
      const next = await at(named, newest.change + step);
      if (next !== undefined) {
        newest = next;
        step *= 2;
      } else if (step === 1) break;
      else step = 1;
    }
    hints.set(hintOf, newest.change);
    return newest;
  }

  return {
    read: async (kind, name) => (await last({ kind, name })).aliases,
    set: async ({ kind, name, version }, alias, by) => {
      const named = { kind, name };
      let wanted: Readonly<Record<string, string>> = { [alias]: version };
      for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
        const { change, aliases } = await last(named);
        if (Object.entries(wanted).every(([each, to]) => aliases[each] === to)) return;
        const next = { ...named, change: change + 1 };
        const of = aliasesFunction(place, next);
        const became = await createFunction(client, of, {
          document: { is: "aliases", ...next, set: wanted, aliases: { ...aliases, ...wanted }, by },
          comment: `Aliases of the ${kind} ${name}: ${alias} is ${version} from here on.`,
        });
        if (became === "exists") {
          if ((await at(named, next.change)) === undefined) throw taken(of, named);
          continue;
        }
        const together = await setTogether(client, of, next);
        if (together.length < 2) return;
        // The one that was set here stands last: it was set now.
        wanted = Object.assign({}, ...together, wanted) as Readonly<Record<string, string>>;
      }
      throw unavailable(
        client.connection,
        `has too many who set aliases of ${kind} ${name} at the same time`,
      );
    },
  };
}

/** What somebody else has created there is in the way of every further change; what was set before it stays as it was. */
function taken(of: FunctionName, { kind, name }: Named): BatonError {
  return new BatonError(
    "REGISTRY_CONFLICT",
    `${fullName(of)} is something else than the aliases of ${kind} ${name}.`,
    { hint: "Remove or rename that function: Baton keeps aliases under its name." },
  );
}

/** What was set by all changes that have this number. */
async function setTogether(
  client: UnityClient,
  at: FunctionName,
  { kind, name, change }: Named & Pick<Change, "change">,
): Promise<readonly Readonly<Record<string, string>>[]> {
  const found: Readonly<Record<string, string>>[] = [];
  for await (const { name: last, document } of listFunctions(client, at))
    if (
      last === at.name &&
      document?.is === "aliases" &&
      document.kind === kind &&
      document.name === name &&
      document.change === change
    )
      found.push(document.set);
  return found;
}
