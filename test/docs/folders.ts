/** The folders in which pages are tried, and the commands that stand for npm's. */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT: string = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

export interface Folder {
  /** Where the reader stands at first. */
  readonly path: string;
  readonly env: NodeJS.ProcessEnv;
  remove(): void;
}

const NODE = process.execPath;
const MAIN = join(ROOT, "dist", "cli", "main.js");

/** Links the checkout as the installed package, beside what a project of a user has. */
const LINK = `mkdir -p node_modules
for name in zod typescript jiti better-sqlite3 @types @langchain @a2a-js @ai-sdk @hono @modelcontextprotocol ai eventsource-parser hono oauth4webapi; do ln -sfn "${ROOT}/node_modules/$name" "node_modules/$name"; done
ln -sfn "${ROOT}" node_modules/baton`;

/** Stand-ins that need neither network nor minutes. That the real ones do the same is shown by test/package. */
const COMMANDS: Readonly<Record<string, string>> = {
  baton: `exec "${NODE}" "${MAIN}" "$@"`,
  npx: `name=$1; shift
if [ "$name" = baton ]; then exec "${NODE}" "${MAIN}" "$@"; fi
exec "${ROOT}/node_modules/.bin/$name" "$@"`,
  npm: `case "$1" in
  install) ${LINK} ;;
  init) echo '{ "private": true, "type": "module" }' > package.json ;;
  start) shift; [ "$1" = -- ] && shift; exec "${NODE}" scripts/start.mjs "$@" ;;
  run) shift; [ "$1" = --silent ] && shift; name=$1; shift; [ "$1" = -- ] && shift
    case "$name" in
      lab) exec "${NODE}" labs/run.mjs "$@" ;;
      example:report) exec "${ROOT}/node_modules/.bin/jiti" examples/research-report/run.ts "$@" ;;
      example:stack) exec "${ROOT}/node_modules/.bin/jiti" examples/reference-stack/run.ts "$@" ;;
      *) echo "npm run $name is not one of the commands that the docs test knows"; exit 1 ;;
    esac ;;
  *) echo "npm $1 is not one of the commands that the docs test knows"; exit 1 ;;
esac`,
};

function succeed(cwd: string, command: string): void {
  const { status, stdout, stderr } = spawnSync("sh", ["-ec", command], { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command}\nended with ${status}:\n${stdout}${stderr}`);
}

const CONTENTS: Readonly<Record<string, (folder: string) => void>> = {
  empty: () => undefined,
  /** What `baton init` makes, installed. */
  project: (folder) => succeed(folder, `"${NODE}" "${MAIN}" init . && ${LINK}`),
  /** This repository after `npm start` has prepared it, without a store. */
  repo: (folder) => {
    for (const name of ["dist", "examples", "labs", "scripts", "src", "tools"]) {
      cpSync(join(ROOT, name), join(folder, name), {
        recursive: true,
        filter: (path) => !/[/\\]\.baton$/.test(path),
      });
    }
    for (const name of ["package.json", "package-lock.json", "baton.config.ts"])
      cpSync(join(ROOT, name), join(folder, name));
    for (const name of ["tsconfig.json", "tsconfig.build.json", "tsconfig.labs.json"])
      cpSync(join(ROOT, name), join(folder, name));
    symlinkSync(realpathSync(join(ROOT, "node_modules")), join(folder, "node_modules"));
  },
};

/** Makes a folder with the contents that a page asks for; `commands` stand in the place of npm's. */
export function makeFolder(contents: string, commands = COMMANDS): Folder {
  const fill = CONTENTS[contents];
  if (fill === undefined)
    throw new Error(`There are no contents "${contents}" for a page's folder.`);
  const base = realpathSync(mkdtempSync(join(tmpdir(), "baton-docs-")));
  const path = join(base, "my-app");
  const bin = join(base, "bin");
  mkdirSync(path);
  mkdirSync(bin);
  for (const [name, script] of Object.entries(commands))
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  fill(path);
  const env = { ...process.env, NO_COLOR: "1", USER: "ada", LOGNAME: "ada" };
  return {
    path,
    env: { ...env, PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}` },
    remove: () => rmSync(base, { recursive: true, force: true }),
  };
}
