/** Packages that come with Baton only where somebody has installed them. */
import { BatonError } from "../model/errors.ts";

/**
 * What `load` gives.
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
    throw new BatonError("DEPENDENCY_MISSING", `${what} need ${packages}.`, {
      hint: `Install it: npm install ${packages}`,
      details: { package: packages },
      cause,
    });
  }
}
