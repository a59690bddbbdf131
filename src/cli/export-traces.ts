/** `baton export traces`: sends traces of history again, with the same ids. */
import type { ExportTracesOptions } from "../index.ts";
import { BatonError } from "../model/errors.ts";
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
  if (run !== undefined && /^\d+$/.test(since))
    throw new BatonError("ARGUMENT_INVALID", "One run has no positions: name a time, or no run.");
  if (/^\d+$/.test(since)) return { after: Number(since) };
  const at = Date.parse(since);
  if (Number.isNaN(at))
    throw new BatonError("ARGUMENT_INVALID", `"${since}" is neither a position nor an ISO time.`, {
      hint: "Write a position as the command prints it, or a time: 2026-11-23T10:00:00Z",
    });
  return { ...one, since: at };
}
