/** The packages that calls of agents need, which come with Baton only where somebody has installed them. */
import type * as Events from "eventsource-parser";
import type * as Oauth from "oauth4webapi";
import { loadPackage } from "../packages.ts";

type Parsing = Pick<typeof Events, "createParser">;

/** The parser of streamed answers. @throws BatonError DEPENDENCY_MISSING */
export async function loadParser(
  load: () => Promise<Parsing> = () => import("eventsource-parser"),
): Promise<Parsing> {
  return await loadPackage("Streamed answers", "eventsource-parser", load);
}

/** The client of OAuth. @throws BatonError DEPENDENCY_MISSING */
export async function loadOauth(
  load: () => Promise<typeof Oauth> = () => import("oauth4webapi"),
): Promise<typeof Oauth> {
  return await loadPackage("Tokens of a service principal", "oauth4webapi", load);
}
