/** The wall clock and dice are reached through the ports Clock and Ids only: else nothing can be replayed. */
import { CLOCK_AND_CHANCE } from "../exceptions.ts";
import { codeOnly } from "../source.ts";
import { isTest, linesMatching, pathsIn, type Problem, type Tree } from "../tree.ts";

const CLOCK = /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.now\b|\bhrtime\b/;
const CHANCE = /\bMath\.random\b|\brandomUUID\b|\brandomBytes\b|\bgetRandomValues\b|\buuidv7\(/;

/** In src/ neither; in the examples and labs no dice, because their data and faults are generated from a seed. */
export function clockAndChance(tree: Tree): readonly Problem[] {
  const search = (paths: readonly string[], pattern: RegExp, advice: string): readonly Problem[] =>
    paths
      .filter((path) => !CLOCK_AND_CHANCE.test(path) && !isTest(path))
      .flatMap((path) =>
        linesMatching(codeOnly(tree.get(path) ?? ""), pattern).map(({ line, found }) => ({
          path,
          line,
          message: `${found}: ${advice}`,
        })),
      );
  return [
    ...search(pathsIn(tree, /^src\/.*\.ts$/), CLOCK, "take the time from the port Clock."),
    ...search(pathsIn(tree, /^src\/.*\.ts$/), CHANCE, "take fresh values from the port Ids."),
    ...search(pathsIn(tree, /^(examples|labs)\/.*\.ts$/), CHANCE, "derive it from the seed."),
  ];
}
