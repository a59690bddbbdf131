/**
 * The catalogue of the readers' newsletter: an outside system, as far as Baton is concerned. It announces what is being written, gives
 * issue numbers, and keeps places on pages. It knows nothing of runs; it is asked with keys, so that asking twice takes once.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";

/** What it gives out. */
export type Kind = "announcement" | "number" | "place";

/** One line of what happened, in order. */
export interface CatalogueLine {
  readonly did: "took" | "gave back";
  readonly kind: Kind;
  readonly key: string;
  readonly no: number;
}

export interface Catalogue {
  /** Takes the next one of a kind. The same key is given the same one again, as long as it was not given back. */
  take(kind: Kind, key: string): number;
  /** Gives back what was taken with a key; nothing if there is nothing. */
  giveBack(kind: Kind, key: string): void;
  /** All that happened. */
  lines(): readonly CatalogueLine[];
}

/** A catalogue in memory, or in a file to which each line is added, for several processes in turn. */
export function openCatalogue(file?: string): Catalogue {
  const lines: CatalogueLine[] = file === undefined ? [] : readLines(file);
  const write = (line: CatalogueLine): void => {
    if (file !== undefined) {
      mkdirSync(dirname(file), { recursive: true });
      appendFileSync(file, `${JSON.stringify(line)}\n`);
    }
    lines.push(line);
  };
  const held = (kind: Kind, key: string): CatalogueLine | undefined => {
    const last = lines.findLast((line) => line.kind === kind && line.key === key);
    return last?.did === "took" ? last : undefined;
  };
  return {
    take(kind, key) {
      const there = held(kind, key);
      if (there !== undefined) return there.no;
      const no = 1 + lines.filter((line) => line.did === "took" && line.kind === kind).length;
      write({ did: "took", kind, key, no });
      return no;
    },
    giveBack(kind, key) {
      const there = held(kind, key);
      if (there !== undefined) write({ did: "gave back", kind, key, no: there.no });
    },
    lines: () => [...lines],
  };
}

function readLines(file: string): CatalogueLine[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
  return lines.map((line): CatalogueLine => JSON.parse(line));
}
