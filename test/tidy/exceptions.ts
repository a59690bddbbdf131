/**
 * What the tidy rules let pass, by path, each with its reason. The lists only shrink: an exception that is no longer
 * needed, or has become worse than it was, fails the tidy test.
 */
export interface LengthException {
  /** The lines that it has now; it may lose some, but gain none. */
  readonly lines: number;
  readonly reason: string;
}

/** Files over {@link FILE_LINES_MAX} lines. */
export const LONG_FILES: Readonly<Record<string, LengthException>> = {};

/** Functions over {@link FUNCTION_LINES_MAX} lines, as `path#name`. */
export const LONG_FUNCTIONS: Readonly<Record<string, LengthException>> = {};

/** Folders and files outside src/ that import more than the public surface. */
export const DEEP_IMPORTS: Readonly<Record<string, string>> = {
  "bench/": "measures the parts of a step (canonical JSON, hash, append) one by one.",
  "examples/credit-decision/contracts.test.ts":
    "asks the check of a contract itself, without a run.",
  "examples/credit-decision/generator.test.ts":
    "asks the check of a contract itself, without a run.",
  "examples/credit-decision/workflow.test.ts": "walks the steps without an engine.",
  "test/cli/": "runs commands in the test's own process, on a terminal that records.",
  "test/conformance/": "runs the suite of each port over every implementation of it.",
  "test/nats/": "runs the port's suite over NATS, and takes the server away from under it.",
  "test/support/":
    "plays runs by the decider alone and seals their journals, for tests of what lies under the engine.",
  "test/tidy/": "reads the table of error codes itself.",
};

/** Where a clock may be read and dice thrown: the implementations of the ports Clock and Ids. */
export const CLOCK_AND_CHANCE = /(^|\/|-)(clock|ids)\.ts$/;

/** Files of src/ that nothing imports and that are loaded some other way. */
export const LOADED_OTHERWISE: Readonly<Record<string, string>> = {
  "src/engine/trace-thread/worker.ts": "is the first file of a thread, which thread.ts starts.",
};

export const FILE_LINES_MAX = 500;
export const FUNCTION_LINES_MAX = 70;
