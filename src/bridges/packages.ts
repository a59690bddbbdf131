/** Packages that come with Baton only where somebody has installed them. */
import { BatonError } from "../model/errors.ts";

/** What Node says of a package that is not there, and what loaders say that make `require` of an import. */
const MISSING: ReadonlySet<unknown> = new Set(["ERR_MODULE_NOT_FOUND", "MODULE_NOT_FOUND"]);

/** Whether a package could not be loaded because it is not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && MISSING.has(error.code);
}

/**
 * What `load` gives. Where it fails for another reason than that a package is missing, it fails with that reason: to install
 * what is there would not help.
 *
 * @param what needs it, as the beginning of a sentence; @param packages with spaces between
 * @throws BatonError `DEPENDENCY_MISSING`
 */
export async function loadPackage<X>(
  what: string,
  packages: string,
  load: () => Promise<X>,
): Promise<X> {
  try {
    return await load();
  } catch (cause) {
    if (!isMissing(cause)) throw cause;
    const them = packages.includes(" ") ? "them" : "it";
    throw new BatonError(
      "DEPENDENCY_MISSING",
      `${what} need ${packages.replaceAll(" ", " and ")}.`,
      {
        hint: `Install ${them}: npm install ${packages}`,
        details: { package: packages },
        cause,
      },
    );
  }
}
