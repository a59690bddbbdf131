/** `baton export traces`: sends traces of history again, with the same ids. */
import type { ExportTracesOptions } from "../index.ts";
import { BatonError } from "../model/errors.ts";
import { placeOrTime } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { count } from "./text.ts";

/** What `baton export traces` takes. */
export interface TracesFlags extends CommonFlags {
  readonly since?: string;
  readonly run?: string;
}

export async function exportTraces(cli: Cli, flags: TracesFlags): Promise<ExitCode> {
  const asked = askedOf(flags);
  return cli.withBaton(flags, "read", async ({ baton }) => {
    const sent = await baton.exportTraces(asked);
    if (flags.json === true) cli.printJson(sent);
    else cli.print(`${count(sent.spans, "span")} sent, up to position ${sent.position}`);
    return EXIT.ok;
  });
}

/** @throws BatonError ARGUMENT_INVALID */
function askedOf({ since, run }: TracesFlags): ExportTracesOptions {
  const one = run === undefined ? {} : { run };
  if (since === undefined) return one;
  const place = placeOrTime(since);
  if (place.kind === "time") return { ...one, since: place.atMs };
  if (run !== undefined)
    throw new BatonError("ARGUMENT_INVALID", "One run has no positions: name a time, or no run.");
  return { after: place.position };
}
