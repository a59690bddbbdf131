/**
 * What every command gets: the terminal, how to print, and how to open Baton.
 *
 * C1. Whatever was opened is closed, also after an error and an interrupt.
 * C2. Commands that only read open the store for reading, so that they work beside the process that writes.
 * C3. The first interrupt ends gracefully, the second at once.
 */
import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { Colors } from "picocolors/types.js";
import type { Baton, LogSink, OpenOptions, Registry, StoreFactory } from "../index.ts";
import type { Author } from "../model/entry.ts";
import { BatonError, isBatonError } from "../model/errors.ts";
import type { BatonConfig } from "./config.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import type { ModuleLoader } from "./module-loader.ts";
import { loadProject, type Project, storePlace } from "./project.ts";
import type { Terminal } from "./terminal.ts";
import { printable } from "./text.ts";

/** Options that every command takes. */
export interface CommonFlags {
  readonly json?: boolean;
  readonly config?: string;
  readonly store?: string;
  readonly namespace?: string;
}

/**
 * What a command does with the store: `write` may execute agents; `read` reads with the workflows' code; `journal` reads what
 * is stored, for which no code is needed, so that `--store` is enough. With `--config` as well, what is said rests on that code.
 */
export type Purpose = "write" | "read" | "journal";

export interface Opened {
  readonly baton: Baton;
  readonly config: BatonConfig;
  /** Aborted at the first interrupt. */
  readonly interrupted: AbortSignal;
}

export interface Cli {
  readonly terminal: Terminal;
  readonly colors: Colors;
  /** Writes a line to stdout. */
  readonly print: (line?: string) => void;
  /** Writes one JSON document, on one line, to stdout. */
  readonly printJson: (value: unknown) => void;
  /** Writes a line to stderr: for people, never for programs. */
  readonly note: (line: string) => void;
  readonly person: (by: string | undefined) => Author;
  readonly project: (flags: CommonFlags) => Promise<Project>;
  readonly load: ModuleLoader;
  /** The store itself, for what reads the journal beside Baton; it is to be there. */
  readonly store: (flags: CommonFlags) => Promise<StoreFactory>;
  /** Does the work with a signal that the first interrupt aborts (C3), without Baton. */
  readonly untilInterrupted: (
    work: (interrupted: AbortSignal) => Promise<ExitCode>,
  ) => Promise<ExitCode>;
  readonly withBaton: (
    flags: CommonFlags,
    purpose: Purpose,
    work: (opened: Opened) => Promise<ExitCode>,
    /** Is done to the registry in the store as soon as that is open, before any run goes on. */
    first?: (registry: Registry) => Promise<void>,
  ) => Promise<ExitCode>;
  /** Sets what the process ends with. */
  readonly finish: (code: ExitCode) => void;
}

/** What tests put in the place of the real thing. */
export interface CliParts {
  readonly open?: (options: OpenOptions) => Promise<Baton>;
}

/** Makes the Cli for one command line; `finish` is told the exit code. */
export async function createCli(
  terminal: Terminal,
  finish: (code: ExitCode) => void,
  parts: CliParts = {},
): Promise<Cli> {
  const { default: picocolors } = await import("picocolors");
  const load: ModuleLoader = async (path) => (await loader())(path);
  // One command line is about one project.
  let loaded: Promise<Project> | undefined;
  const project = (flags: CommonFlags): Promise<Project> =>
    (loaded ??= loadProject(terminal.cwd, flags.config, loader));
  return {
    terminal,
    colors: picocolors.createColors(wantsColour(terminal)),
    print: (line = "") => terminal.stdout.write(`${line}\n`),
    printJson: (value) => terminal.stdout.write(`${JSON.stringify(value)}\n`),
    note: (line) => terminal.stderr.write(`${line}\n`),
    person: (by) => ({ kind: "person", id: by ?? terminal.user }),
    project,
    load,
    store: async (flags) => {
      const found = flags.store === undefined ? await project(flags) : withoutCode(terminal);
      return storeFactory(found, flags, { purpose: "journal", cwd: terminal.cwd, checkFile: true });
    },
    untilInterrupted: (work) => untilInterrupted(terminal, work),
    withBaton: async (flags, purpose, work, first) => {
      const found =
        purpose === "journal" && flags.store !== undefined && flags.config === undefined
          ? withoutCode(terminal)
          : await project(flags);
      const open = parts.open ?? (await import("../index.ts")).open;
      let storeFails: (error: BatonError) => void = () => undefined;
      const storeFailed = new Promise<never>((_resolve, reject) => {
        storeFails = reject;
      });
      // It matters only while the work goes on, which races with it.
      storeFailed.catch(() => undefined);
      const options = await openOptions(found, flags, {
        purpose,
        cwd: terminal.cwd,
        checkFile: parts.open === undefined,
        log: warnings(terminal, (error) => storeFails(error)),
      });
      const baton = await opened(open, await firstChanged(options, first));
      return workBetween(terminal, baton, found.config, (opened) =>
        Promise.race([work(opened), storeFailed]),
      );
    },
    finish,
  };
}

async function firstChanged(
  options: OpenOptions,
  first: ((registry: Registry) => Promise<void>) | undefined,
): Promise<OpenOptions> {
  if (first === undefined) return options;
  const { changedFirst } = await import("./registry-access.ts");
  const { registry } = options;
  if (registry !== undefined) return { ...options, registry: changedFirst(registry, first) };
  const { embeddedRegistry } = await import("../index.ts");
  // Where the config names no registry, none is asked.
  return { ...options, registry: changedFirst(embeddedRegistry(), first), admission: false };
}

async function loader(cacheFolder?: string): Promise<ModuleLoader> {
  const { moduleLoader } = await import("./module-loader.ts");
  return moduleLoader(cacheFolder);
}

/** https://no-color.org, and the counterpart that CI systems use. */
function wantsColour(terminal: Terminal): boolean {
  const { env } = terminal;
  if ((env["NO_COLOR"] ?? "") !== "") return false;
  if ((env["FORCE_COLOR"] ?? "0") !== "0") return true;
  return terminal.stdout.isTTY && env["TERM"] !== "dumb";
}

function withoutCode(terminal: Terminal): Project {
  return { config: { workflows: [] }, folder: terminal.cwd };
}

interface StoreOpening {
  readonly purpose: Purpose;
  readonly cwd: string;
  readonly checkFile: boolean;
}

interface Opening extends StoreOpening {
  readonly log: LogSink;
}

/**
 * The engine tries a commit again for ever, each time after a longer pause. A server may wait so; a command ends once the
 * pause is this long, after about three seconds, and the runs go on with the next one.
 */
const STORE_PATIENCE_MS = 1_600;

/** Warnings and errors of the engine and of agents, for the person at the terminal; the rest is for programs that set a log. */
function warnings(terminal: Terminal, storeFails: (error: BatonError) => void): LogSink {
  return ({ level, message, run, path, data }) => {
    if (level !== "warn" && level !== "error") return;
    if (data?.["code"] === "STORE_FAILED" && Number(data["retryMs"]) >= STORE_PATIENCE_MS)
      storeFails(new BatonError("STORE_FAILED", message));
    const named = [run, path].filter((part) => part !== undefined && !message.includes(part));
    const where = named.join(" ");
    terminal.stderr.write(
      `${level}: ${printable(where === "" ? message : `${where}: ${message}`)}\n`,
    );
  };
}

function besides(log: LogSink, another: LogSink | undefined): LogSink {
  if (another === undefined) return log;
  return (line) => {
    log(line);
    another(line);
  };
}

async function openOptions(
  project: Project,
  flags: CommonFlags,
  opening: Opening,
): Promise<OpenOptions> {
  const { config } = project;
  const readOnly = opening.purpose !== "write";
  const namespace = flags.namespace ?? config.namespace;
  return {
    store: await storeFactory(project, flags, opening),
    workflows: config.workflows,
    readOnly,
    ...(readOnly ? {} : { log: besides(opening.log, config.log) }),
    ...(config.agents === undefined ? {} : { agents: config.agents }),
    ...(config.topics === undefined ? {} : { topics: config.topics }),
    ...(namespace === undefined ? {} : { namespace }),
    // Who only reads the journal needs no bus.
    ...(readOnly || config.bus === undefined ? {} : { bus: config.bus }),
    ...(readOnly || config.group === undefined ? {} : { group: config.group }),
    ...(config.limits === undefined ? {} : { limits: config.limits }),
    ...(config.tracing === undefined ? {} : { tracing: config.tracing }),
    ...(config.prices === undefined ? {} : { prices: config.prices }),
    ...(config.registry === undefined ? {} : { registry: config.registry }),
    ...(config.admission === undefined ? {} : { admission: config.admission }),
    ...(config.principal === undefined ? {} : { principal: config.principal }),
  };
}

async function storeFactory(
  project: Project,
  flags: CommonFlags,
  opening: StoreOpening,
): Promise<StoreFactory> {
  const place = storePlace(project, opening.cwd, flags.store);
  if (place.kind === "factory") return place.factory;
  if (opening.checkFile && opening.purpose === "write")
    mkdirSync(dirname(place.path), { recursive: true });
  if (opening.checkFile && opening.purpose !== "write" && !existsSync(place.path)) {
    throw new BatonError("STORE_NOT_FOUND", `There is no store at ${place.shown}.`, {
      details: { path: place.path },
    });
  }
  const { sqlite } = await import("../sqlite.ts");
  return sqlite(place.path);
}

async function opened(
  open: (options: OpenOptions) => Promise<Baton>,
  options: OpenOptions,
): Promise<Baton> {
  try {
    return await open(options);
  } catch (error) {
    if (!isBatonError(error, "STORE_IN_USE")) throw error;
    throw new BatonError("STORE_IN_USE", error.message, {
      cause: error,
      details: error.details,
      hint: "Stop that process first, or do this in it. Commands that only read (runs, show, watch, state, verify, ...) work beside it.",
    });
  }
}

async function untilInterrupted(
  terminal: Terminal,
  work: (interrupted: AbortSignal) => Promise<ExitCode>,
): Promise<ExitCode> {
  const controller = new AbortController();
  const stopListening = terminal.onInterrupt(() => {
    if (controller.signal.aborted) terminal.exitNow(EXIT.interrupted);
    else controller.abort();
  });
  try {
    const code = await work(controller.signal);
    return controller.signal.aborted ? EXIT.interrupted : code;
  } catch (error) {
    if (controller.signal.aborted && error === controller.signal.reason) return EXIT.interrupted;
    throw error;
  } finally {
    stopListening();
  }
}

/** Does the work between opening and closing; see C1 and C3. */
async function workBetween(
  terminal: Terminal,
  baton: Baton,
  config: BatonConfig,
  work: (opened: Opened) => Promise<ExitCode>,
): Promise<ExitCode> {
  const controller = new AbortController();
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= baton.close();
    return closing;
  };
  const stopListening = terminal.onInterrupt(() => {
    if (controller.signal.aborted) return terminal.exitNow(EXIT.interrupted);
    controller.abort();
    if (!baton.readOnly)
      terminal.stderr.write(
        "Stopping: steps that are executing get a moment to end. Ctrl-C again stops at once.\n",
      );
    // A failure to close is reported where it is awaited, below.
    close().catch(() => undefined);
  });
  try {
    const code = await work({ baton, config, interrupted: controller.signal });
    return controller.signal.aborted ? EXIT.interrupted : code;
  } catch (error) {
    // Work that was under way when Baton was closed ends with this; it isn't news to whoever interrupted.
    const ended = error === controller.signal.reason || isBatonError(error, "STORE_CLOSED");
    if (controller.signal.aborted && ended) return EXIT.interrupted;
    throw error;
  } finally {
    await close();
    // What it has is of this command: one that only reads has written nothing.
    if (!baton.readOnly) await config.log?.close?.();
    stopListening();
  }
}
