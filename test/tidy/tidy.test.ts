/** The tidy test: what lint and the compiler cannot see. Each rule has a test of its own, on a tree made up to break it. */
import { expect, test } from "vitest";
import { clockAndChance } from "./rules/clock-and-chance.ts";
import { agentsPageLength, changelogForm, decisionRecords, docLinks } from "./rules/docs.ts";
import { errorCodesAreUsed } from "./rules/error-codes.ts";
import { importDirection, publicSurfaceOnly } from "./rules/import-direction.ts";
import { fileLength, functionLength } from "./rules/length.ts";
import { dependencyReasons, lockFile } from "./rules/packages.ts";
import { promisesAreTested } from "./rules/promises.ts";
import { deadFiles, namedExportsOnly } from "./rules/surface.ts";
import { fileNames, glossary, machines, unfinishedMarks } from "./rules/words.ts";
import { type Problem, type Rule, readTree } from "./tree.ts";

const RULES: Readonly<Record<string, Rule>> = {
  "rooms import downwards only": importDirection,
  "what lies outside src uses the public surface": publicSurfaceOnly,
  "files stay short": fileLength,
  "functions stay short": () => functionLength(),
  "clock and chance come through ports": clockAndChance,
  "the glossary's words are the only words": glossary,
  "no marks of unfinished work": unfinishedMarks,
  "no machine is named": machines,
  "files are named for what is in them": fileNames,
  "exports are listed by name": namedExportsOnly,
  "no dead files": deadFiles,
  "links in docs lead somewhere": docLinks,
  "the changelog has its form": changelogForm,
  "AGENTS.md stays short": agentsPageLength,
  "decision records are complete and listed": decisionRecords,
  "each dependency has its reason": dependencyReasons,
  "the lock file is complete and names no registry": lockFile,
  "promises have tests of their name": promisesAreTested,
  "error codes are raised, hinted and documented": errorCodesAreUsed,
};

const tree = readTree();

function readable({ path, line, message }: Problem): string {
  return `${path}${line === undefined ? "" : `:${line}`} ${message}`;
}

test.for(Object.entries(RULES))("%s", ([, rule]) => {
  expect(rule(tree).map(readable)).toEqual([]);
});
