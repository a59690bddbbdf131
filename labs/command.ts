/** What the commands of all labs share: the options for seeds, where the report goes, and how they end. */
import { join } from "node:path";
import { parseArgs } from "node:util";

const SEEDS_MAX = 1_000;

/** An option of one lab that takes a whole number. */
export interface CountOption {
  readonly name: string;
  readonly usual: number;
  readonly max: number;
}

export interface LabRequest {
  /** The first seed. */
  readonly seed: number;
  /** How many seeds, one after the other. */
  readonly seeds: number;
  readonly json: boolean;
  /** What the option of this lab says. */
  readonly count: number;
}

/** A whole number from 1 to `max`. @throws Error that names the option */
function whole(name: string, text: string, max: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= 1 && number <= max) return number;
  throw new Error(`--${name} takes a whole number from 1 to ${max}, not "${text}".`);
}

function requestOf({ name, usual, max }: CountOption): LabRequest {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: "1" },
      seeds: { type: "string", default: "1" },
      json: { type: "boolean", default: false },
      [name]: { type: "string", default: String(usual) },
    },
  });
  return {
    seed: whole("seed", String(values["seed"]), 2 ** 31),
    seeds: whole("seeds", String(values["seeds"]), SEEDS_MAX),
    count: whole(name, String(values[name]), max),
    json: values["json"] === true,
  };
}

/** The seeds that were asked for; each is told on stderr when it begins, because it takes a while. */
export function* seedsOf({ seed, seeds }: LabRequest): Generator<number, void, undefined> {
  for (let each = seed; each < seed + seeds; each += 1) {
    process.stderr.write(`lab: seed ${each}\n`);
    yield each;
  }
}

/** Where a lab writes its page. `npm run lab` starts in the folder of this repository. */
export function reportPath(lab: string): string {
  return join(process.cwd(), "labs", lab, "report.html");
}

/**
 * Runs a lab's command. It ends with 1 if `main` says that Baton did not keep what the lab claims, with 2 if the request
 * was wrong or the lab could not be run.
 */
export async function runCommand(
  option: CountOption,
  main: (request: LabRequest) => Promise<{ readonly sound: boolean }>,
): Promise<void> {
  try {
    const { sound } = await main(requestOf(option));
    if (!sound) process.exitCode = 1;
  } catch (error) {
    process.stderr.write(`lab: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
  }
}
