/** Packs the package as npm publishes it, and installs it in an empty folder as a user does. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT: string = fileURLToPath(new URL("../..", import.meta.url));

export interface Packed {
  readonly tarball: string;
  /** Where it is installed. */
  readonly folder: string;
  /** The files of the package, by path. */
  readonly files: readonly string[];
  remove(): void;
}

/** What a command gave. */
export interface Ended {
  readonly status: number | null;
  readonly output: string;
}

/** Runs Node in `cwd`; gives the exit status and all that it wrote. */
export function runNode(cwd: string, ...args: readonly string[]): Ended {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: "utf8" });
  return { status, output: `${stdout}${stderr}` };
}

function succeed(cwd: string, ...args: readonly string[]): string {
  const { status, output } = runNode(cwd, ...args);
  if (status !== 0) throw new Error(`node ${args.join(" ")} ended with ${status}:\n${output}`);
  return output;
}

const NPM = join(ROOT, "scripts", "npm.mjs");

/** Packs what is built in dist/ into `folder`, as npm publishes it. */
export function packInto(folder: string): Pick<Packed, "tarball" | "files"> {
  const to = ["--pack-destination", folder];
  const quiet = ["--ignore-scripts", "--json", "--loglevel=error"];
  const listed = succeed(ROOT, NPM, "pack", ...quiet, ...to);
  // npm's own report; a form that it doesn't have fails the first test that reads the files.
  const report = JSON.parse(listed.slice(listed.indexOf("["))) as readonly {
    readonly filename: string;
    readonly files: readonly { readonly path: string }[];
  }[];
  const [packed] = report;
  if (packed === undefined) throw new Error("npm pack reported nothing");
  return { tarball: join(folder, packed.filename), files: packed.files.map(({ path }) => path) };
}

/** Packs, and installs the tarball in an empty folder; `remove` takes all of it away again. */
export function pack(): Packed {
  const folder = mkdtempSync(join(tmpdir(), "baton-package-"));
  const { tarball, files } = packInto(folder);
  const manifest = { private: true, type: "module", allowScripts: { "better-sqlite3": true } };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  succeed(folder, NPM, "install", "--no-audit", "--no-fund", "--loglevel=error", tarball);
  return {
    tarball,
    folder,
    files,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Subpaths whose declarations name those of optional peer dependencies, by the scope of these. */
export const OF_PEERS: Readonly<Record<string, string>> = {
  "baton/ai-sdk": "ai",
  "baton/a2a": "@a2a-js",
  "baton/langgraph": "@langchain",
};

/** The subpaths that package.json documents, as users write them, with the declarations that belong to each. */
export function documentedImports(): readonly { readonly name: string; readonly types: string }[] {
  // Our own file, in npm's format.
  const { exports } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    readonly exports: Readonly<Record<string, string | { readonly types: string }>>;
  };
  return Object.entries(exports).flatMap(([path, target]) =>
    typeof target === "string" ? [] : [{ name: `baton${path.slice(1)}`, types: target.types }],
  );
}
