/**
 * Loads the user's TypeScript without a build step.
 */
import { BatonError, isBatonError } from "../model/errors.ts";

/** Imports a file, TypeScript or JavaScript, and gives its exports. `baton` in it is this very package. */
export type ModuleLoader = (path: string) => Promise<Readonly<Record<string, unknown>>>;

/**
 * A loader for the files of one project.
 * @param cacheFolder keeps what was compiled, named by the hash of its source: a tenth of the time at the next start. Without
 * it nothing is kept.
 */
export async function moduleLoader(cacheFolder?: string): Promise<ModuleLoader> {
  const [{ createJiti }, surface, sqliteSurface, otelSurface, unitySurface] = await Promise.all([
    import("jiti"),
    import("../index.ts"),
    import("../sqlite.ts"),
    import("../otel.ts"),
    import("../unity-catalog.ts"),
  ]);
  const jiti = createJiti(import.meta.url, {
    // A second copy of the package in memory would work, but it would be loaded for nothing, and it could be another version.
    virtualModules: {
      baton: surface,
      "baton/sqlite": sqliteSurface,
      "baton/otel": otelSurface,
      "baton/unity-catalog": unitySurface,
    },
    // Never jiti's own choice, which may be a folder under the system's /tmp that others can write to.
    fsCache: cacheFolder ?? false,
  });
  return async (path) => {
    try {
      // jiti types an import as any; what a user's file exports is unknown until it is checked.
      return (await jiti.import(path)) as Readonly<Record<string, unknown>>;
    } catch (cause) {
      throw loadError(path, cause);
    }
  };
}

function loadError(path: string, cause: unknown): BatonError {
  const message = cause instanceof Error ? cause.message : String(cause);
  if (!isBatonError(cause)) {
    return new BatonError("CONFIG_INVALID", `${path} could not be loaded: ${message}`, {
      cause,
      details: { file: path },
      hint: "Mend the file, and check that what it imports is installed.",
    });
  }
  // The problems of a definition are listed line by line, which its message has in one.
  const problems: unknown = cause.details["problems"];
  const first: unknown = Array.isArray(problems) ? problems[0] : undefined;
  const at = typeof first === "string" ? message.indexOf(first) : -1;
  return new BatonError(
    "CONFIG_INVALID",
    `${path} could not be loaded: ${(at > 0 ? message.slice(0, at) : message).trim()}`,
    {
      cause,
      details: { ...cause.details, file: path },
      hint: cause.hint,
    },
  );
}
