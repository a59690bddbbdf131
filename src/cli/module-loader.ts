/**
 * Loads the user's TypeScript without a build step.
 */
import { BatonError } from "../model/errors.ts";

/** Imports a file, TypeScript or JavaScript, and gives its exports. `baton` in it is this very package. */
export type ModuleLoader = (path: string) => Promise<Readonly<Record<string, unknown>>>;

/** A loader for the files of one project. */
export async function moduleLoader(): Promise<ModuleLoader> {
  const [{ createJiti }, surface, sqliteSurface] = await Promise.all([
    import("jiti"),
    import("../index.ts"),
    import("../sqlite.ts"),
  ]);
  const jiti = createJiti(import.meta.url, {
    // A second copy of the package in memory would work, but it would be loaded for nothing, and it could be another version.
    virtualModules: { baton: surface, "baton/sqlite": sqliteSurface },
    // A cache in the project's node_modules is a file that nobody asked for.
    fsCache: false,
  });
  return async (path) => {
    try {
      // jiti types an import as any; what a user's file exports is unknown until it is checked.
      return (await jiti.import(path)) as Readonly<Record<string, unknown>>;
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      // The problems of a definition say more than the fact that the file threw.
      const details = cause instanceof BatonError ? cause.details : {};
      throw new BatonError("CONFIG_INVALID", `${path} could not be loaded: ${message}`, {
        cause,
        details: { ...details, file: path },
        hint:
          cause instanceof BatonError
            ? cause.hint
            : "Mend the file, and check that what it imports is installed.",
      });
    }
  };
}
