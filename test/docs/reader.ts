/** Does what a page says, in its order, and tells where the page is wrong. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Block, blocksOf, fits, moduleOf } from "./blocks.ts";
import { type Folder, ROOT } from "./folders.ts";

const COMMAND_MS_MAX = 300_000;

/** What happened to the blocks of a page. */
export interface Read {
  readonly files: number;
  readonly commands: number;
  readonly notRun: readonly string[];
  /** Each begins with the page and its line. */
  readonly problems: readonly string[];
}

interface Place {
  readonly folder: Folder;
  cwd: string;
}

/** Runs a block in the shell where the one before it ended; gives what is wrong. */
function run(place: Place, block: Block): string | undefined {
  const cwdFile = join(place.folder.path, "..", "cwd");
  const script = `exec 2>&1\ntrap 'pwd > "${cwdFile}"' EXIT\nset -e\n${block.text}`;
  const { status, stdout } = spawnSync("sh", ["-c", script], {
    cwd: place.cwd,
    env: place.folder.env,
    encoding: "utf8",
    timeout: COMMAND_MS_MAX,
  });
  // npm's remarks about itself differ from machine to machine.
  const output = stdout.replace(/^npm (warn|notice).*\n/gm, "");
  place.cwd = readFileSync(cwdFile, "utf8").trim();
  if (status !== block.exitCode)
    return `ended with ${status} and not with ${block.exitCode}:\n${output}`;
  if (block.expected !== undefined && !fits(output, block.expected))
    return `printed something else than the page shows:\n${output}`;
  return undefined;
}

const STRICT = {
  ...{
    target: "ES2022",
    lib: ["ES2023"],
    module: "NodeNext",
    types: ["node"],
    strict: true,
    noEmit: true,
  },
  ...{ exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: true },
  ...{ allowImportingTsExtensions: true, noImplicitReturns: true, verbatimModuleSyntax: true },
};

/** Type-checks the page's own module and every TypeScript file that the page wrote. */
function check(place: Place, page: string, written: readonly string[]): string | undefined {
  const module = moduleOf(page);
  const files = written.filter((path) => path.endsWith(".ts") && existsSync(path));
  if (module === undefined && files.length === 0) return undefined;
  const own = join(place.cwd, "this-page.ts");
  const config = join(place.cwd, "tsconfig.page.json");
  if (module !== undefined) writeFileSync(own, module);
  const checked = module === undefined ? files : [...files, own];
  const typeRoots = [join(ROOT, "node_modules", "@types")];
  writeFileSync(
    config,
    JSON.stringify({ compilerOptions: { ...STRICT, typeRoots }, files: checked }),
  );
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", config], {
    cwd: place.cwd,
    encoding: "utf8",
  });
  rmSync(own, { force: true });
  rmSync(config);
  return status === 0 ? undefined : stdout;
}

/** Follows a page word by word in `folder`. */
export function read(name: string, page: string, folder: Folder): Read {
  const place: Place = { folder, cwd: folder.path };
  const written: string[] = [];
  const notRun: string[] = [];
  const problems: string[] = [];
  let commands = 0;
  for (const block of blocksOf(page)) {
    const where = `${name}:${block.line}`;
    if (block.notRun !== undefined) {
      notRun.push(`${where} ${block.notRun}`);
    } else if (block.file !== undefined) {
      const path = join(place.cwd, block.file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, block.text);
      written.push(path);
    } else if (block.language === "sh") {
      commands += 1;
      const problem = run(place, block);
      if (problem !== undefined) problems.push(`${where} ${problem}`);
    }
  }
  const types = check(place, page, written);
  if (types !== undefined) problems.push(`${name} (this-page.ts has the page's lines)\n${types}`);
  return { files: written.length, commands, notRun, problems };
}
