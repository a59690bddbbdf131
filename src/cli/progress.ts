/** A progress bar on a terminal; nothing in a pipe. */
import type { Cli } from "./cli.ts";

export interface Progress {
  /** @param done of the total; Infinity for all of it. @param items counted beside the bar. */
  readonly update: (done: number, items: number) => void;
  readonly stop: () => void;
}

const SILENT: Progress = { update: () => undefined, stop: () => undefined };

/**
 * Opens a bar on stderr, so that stdout stays what a program may read.
 * @param total what `done` runs up to; undefined where it isn't known.
 */
export async function openProgress(
  cli: Cli,
  total: number | undefined,
  noun = "runs",
): Promise<Progress> {
  const { stderr, now } = cli.terminal;
  if (!stderr.isTTY || stderr.stream === undefined || total === 0) return SILENT;
  const { default: cliProgress } = await import("cli-progress");
  const format =
    total === undefined
      ? ` {items} ${noun}  {rate}/s`
      : ` {bar} {percentage}%  {items} ${noun}  {rate}/s`;
  const bar = new cliProgress.SingleBar({
    format,
    stream: stderr.stream,
    hideCursor: true,
    clearOnComplete: true,
    barsize: 30,
    fps: 10,
    barCompleteChar: "█",
    barIncompleteChar: "░",
  });
  const startedAt = now();
  bar.start(total ?? 1, 0, { items: 0, rate: 0 });
  return {
    update: (done, items) => {
      const seconds = Math.max(0.001, (now() - startedAt) / 1_000);
      bar.update(Math.min(done, total ?? 0), {
        items: items.toLocaleString("en-US"),
        rate: Math.round(items / seconds).toLocaleString("en-US"),
      });
    },
    stop: () => bar.stop(),
  };
}
