/** The words of ARCHITECTURE's table are the only words; nothing names the machine that it was written on. */
import { codeOnly } from "../source.ts";
import { linesMatching, pathsIn, type Problem, type Tree } from "../tree.ts";

/** A synonym, and the word that is meant. */
const SYNONYMS: Readonly<Record<string, string>> = {
  task: "step (or agent)",
  tasks: "steps (or agents)",
  job: "run",
  jobs: "runs",
  workspace: "namespace",
  pipeline: "workflow",
  activity: "agent",
};

/** Words of an outside protocol, where it is spoken: what they mean there is not what we have a word for. */
const SPOKEN: Readonly<Record<string, RegExp>> = {
  task: /^src\/bridges\/a2a\//,
  tasks: /^src\/bridges\/a2a\//,
};

// In pieces, so that this file doesn't break its own rule.
const MARKS = new RegExp(
  `\\b(${["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"].join("|")})\\b`,
);
const PLACES = new RegExp(
  `(?<![\\w./~-])/(${["wo" + "rk", "ro" + "ot", "ho" + "me", "Us" + "ers"].join("|")})/`,
);
const REGISTRY = new RegExp(
  `\\bregistry\\.(npmjs|yarnpkg|npmmirror)\\b|\\b(${"artif" + "actory"}|${"verd" + "accio"})\\b`,
);

/** The words that a name is made of: `retryTaskMs` gives retry, task, ms. */
function wordsIn(identifier: string): readonly string[] {
  return identifier
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.toLowerCase());
}

/** No synonym in a name in src/, a file's own name included. */
export function glossary(tree: Tree): readonly Problem[] {
  return pathsIn(tree, /^src\/.*\.ts$/).flatMap((path) => {
    const lines = [path, ...codeOnly(tree.get(path) ?? "").split("\n")];
    return lines.flatMap((text, line) =>
      (text.match(/[A-Za-z_$][\w$-]*/g) ?? []).flatMap((identifier) =>
        wordsIn(identifier).flatMap((word) => {
          const meant = Object.hasOwn(SYNONYMS, word) ? SYNONYMS[word] : undefined;
          if (meant === undefined || SPOKEN[word]?.test(path) === true) return [];
          const message = `${identifier}: the word is ${meant}.`;
          return [{ path, line, message }];
        }),
      ),
    );
  });
}

/** No marks of unfinished work in code; write it now, or open an issue. */
export function unfinishedMarks(tree: Tree): readonly Problem[] {
  return pathsIn(tree, /\.(ts|mjs|js|sql|sh)$|^\.ci\/run$/).flatMap((path) =>
    linesMatching(tree.get(path) ?? "", MARKS).map(({ line, found }) => ({
      path,
      line,
      message: `${found}: do it now, or open an issue.`,
    })),
  );
}

/** No path of somebody's machine and no package registry's host, in any text file. */
export function machines(tree: Tree): readonly Problem[] {
  return pathsIn(tree, /./).flatMap((path) =>
    [PLACES, REGISTRY].flatMap((pattern) =>
      linesMatching(tree.get(path) ?? "", pattern).map(({ line, found }) => ({
        path,
        line,
        message: `${found}: names a machine.`,
      })),
    ),
  );
}

const FILE_NAME = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|test-d|config))?\.(ts|mjs|js|sql)$/;
const NAMES_THAT_SAY_NOTHING = /^(utils?|helpers?|common|lib|misc|types|shared)$/;

/** Files in kebab-case, named for what is in them; one index.ts. */
export function fileNames(tree: Tree): readonly Problem[] {
  return pathsIn(tree, /^(src|test|bench|examples|scripts|tools)\/.*\.(ts|mjs|js|sql)$/).flatMap(
    (path) => {
      const names = path.split("/");
      const file = names.at(-1) ?? "";
      if (!FILE_NAME.test(file)) return [{ path, message: "name the file in kebab-case." }];
      const empty = names.find((name) => NAMES_THAT_SAY_NOTHING.test(name.replace(/\..*$/, "")));
      if (empty !== undefined)
        return [{ path, message: `"${empty}" says nothing: name the noun.` }];
      if (file === "index.ts" && path !== "src/index.ts") {
        return [{ path, message: "index files hide where things are: import the file itself." }];
      }
      return [];
    },
  );
}
