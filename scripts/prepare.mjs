/**
 * What stands before `npm start` and `npm test`: installs what is missing, builds what is out of date, and
 * says nothing when there is nothing to do. It imports nothing that has to be installed.
 *
 *   node scripts/prepare.mjs           packages and dist/
 *   node scripts/prepare.mjs packages  packages only
 */
import { accessSync, constants, lstatSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, isBuilt } from "./build.mjs";
import { hasHeadersBesideNode, npm } from "./npm.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const NODE_MINIMUM = [20, 19];

function say(text) {
  console.log(`baton: ${text}`);
}

function stop(text) {
  console.error(`baton: ${text}`);
  process.exit(1);
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major < NODE_MINIMUM[0] || (major === NODE_MINIMUM[0] && minor < NODE_MINIMUM[1])) {
    stop(`Node ${NODE_MINIMUM.join(".")} or later is needed; this is ${process.versions.node}.`);
  }
}

function packagesOf(path) {
  try {
    return JSON.parse(readFileSync(join(ROOT, path), "utf8")).packages;
  } catch {
    return undefined;
  }
}

/**
 * Why the packages must be installed, or undefined. npm writes node_modules/.package-lock.json when an
 * installation is complete, so an interrupted one is noticed too. Optional packages belong to other platforms.
 */
function reasonToInstall() {
  const installed = packagesOf("node_modules/.package-lock.json");
  if (installed === undefined) return "the packages are not installed";
  const locked = packagesOf("package-lock.json") ?? {};
  const differs = Object.keys(locked).find(
    (path) =>
      path !== "" &&
      locked[path].optional !== true &&
      installed[path]?.version !== locked[path].version,
  );
  return differs === undefined ? undefined : `${differs.replace("node_modules/", "")} has changed`;
}

/** Whether SQLite's binding fits this Node: it is compiled for one major version. */
function sqliteLoads() {
  try {
    const Database = createRequire(import.meta.url)("better-sqlite3");
    new Database(":memory:").close();
    return true;
  } catch {
    return false;
  }
}

function isOnPath(command) {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** What is missing to compile SQLite's binding, with the command that mends it; empty if nothing is. */
function adviceOnCompiler() {
  if (process.platform === "win32") return "";
  const missing = [["python3"], ["make"], ["c++", "g++", "clang++"]]
    .filter((names) => !names.some(isOnPath))
    .map((names) => names[0]);
  const compiler =
    missing.length === 0
      ? ""
      : `\nTo compile SQLite's binding, ${missing.join(", ")} must be installed. On Debian and Ubuntu: apt-get install -y build-essential python3`;
  const headers = hasHeadersBesideNode()
    ? ""
    : "\nNode's headers are not beside Node, so they have to be downloaded. If that is what failed: unpack them, and set npm_config_nodedir to the folder that has include/node/node.h.";
  return compiler + headers;
}

function preparePackages() {
  const reason = reasonToInstall();
  if (reason !== undefined) {
    // An installation through a link would empty a folder that other checkouts use.
    if (lstatSync(join(ROOT, "node_modules"), { throwIfNoEntry: false })?.isSymbolicLink()) {
      say(`${reason}, but node_modules is a link: install where it leads to.`);
      return;
    }
    say(`${reason}: installing (a minute or two, where SQLite has to be compiled)`);
    // Not `npm ci`: it would throw away the compiled binding each time that any package changes.
    if (npm(["install", "--no-save", "--loglevel=error"], ROOT) !== 0) {
      stop(`npm install failed.${adviceOnCompiler()}`);
    }
  }
  if (sqliteLoads()) return;
  say(`SQLite's binding does not load in Node ${process.versions.node}: compiling it`);
  if (npm(["rebuild", "better-sqlite3", "--loglevel=error"], ROOT) !== 0 || !sqliteLoads()) {
    stop(`SQLite's binding could not be compiled.${adviceOnCompiler()}`);
  }
}

checkNode();
preparePackages();
if (process.argv[2] !== "packages" && !isBuilt()) {
  say("building dist/");
  if (build() !== 0) stop("the build failed: see the compiler's messages above.");
}
