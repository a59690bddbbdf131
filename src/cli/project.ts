/**
 * Finds and loads the project that a command is about: its config, its store.
 */
import { existsSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import type { StoreFactory } from "../index.ts";
import { BatonError } from "../model/errors.ts";
import { type BatonConfig, checkConfig } from "./config.ts";
import type { ModuleLoader } from "./module-loader.ts";

const CONFIG_NAMES = ["baton.config.ts", "baton.config.mts", "baton.config.js", "baton.config.mjs"];
const DEFAULT_STORE = join(".baton", "baton.db");
const CACHE_FOLDER = join(".baton", "cache");

export interface Project {
  readonly config: BatonConfig;
  /** The config's folder; the working directory if there is no config. */
  readonly folder: string;
}

/** Where a project's journals are kept. `path` is absent for a store that isn't a file. */
export type StorePlace =
  | { readonly kind: "file"; readonly path: string; readonly shown: string }
  | { readonly kind: "factory"; readonly factory: StoreFactory };

/**
 * Loads the config at `explicit`, or the nearest one from `cwd` upward.
 * @throws BatonError CONFIG_INVALID
 */
export async function loadProject(
  cwd: string,
  explicit: string | undefined,
  loader: (cacheFolder: string) => Promise<ModuleLoader>,
): Promise<Project> {
  const path = explicit === undefined ? findConfig(cwd) : resolve(cwd, explicit);
  if (path === undefined) {
    throw new BatonError(
      "CONFIG_INVALID",
      `There is no baton.config.ts in ${cwd}, nor in a folder above it.`,
      {
        hint: "Make a project with `baton init my-app`, or name the file with --config.",
        details: { cwd },
      },
    );
  }
  if (!existsSync(path)) {
    throw new BatonError("CONFIG_INVALID", `There is no file ${path}.`, {
      hint: "Check --config.",
      details: { config: path },
    });
  }
  const load = await loader(join(dirname(path), CACHE_FOLDER));
  const loaded = await load(path);
  return {
    config: checkConfig(loaded["default"], relative(cwd, path) || path),
    folder: dirname(path),
  };
}

function findConfig(cwd: string): string | undefined {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const found = CONFIG_NAMES.map((name) => join(folder, name)).find((path) => existsSync(path));
    if (found !== undefined) return found;
    if (dirname(folder) === folder) return undefined;
  }
}

/**
 * The store to use: `--store` (relative to `cwd`) before the config's (relative to its folder) before the default.
 * @throws BatonError ARGUMENT_INVALID
 */
export function storePlace(project: Project, cwd: string, option: string | undefined): StorePlace {
  // As a script gives it whose variable is not set.
  if (option === "")
    throw new BatonError("ARGUMENT_INVALID", "--store names no file.", {
      hint: "Write --store baton.db, or leave it out for the config's store.",
    });
  const configured = project.config.store ?? DEFAULT_STORE;
  if (option === undefined && typeof configured === "function")
    return { kind: "factory", factory: configured };
  // A factory was dealt with above, so what is left is a path.
  const path =
    option === undefined ? resolve(project.folder, String(configured)) : resolve(cwd, option);
  return { kind: "file", path, shown: relative(cwd, path) || path };
}
