/** How a command gets at the registry: the one of the config, or the one in the store. */
import type { Definitions, Registry, RegistryFactory } from "../index.ts";
import type { Cli, CommonFlags, Opened } from "./cli.ts";
import type { BatonConfig } from "./config.ts";
import type { ExitCode } from "./exit-codes.ts";

type Work = (registry: Registry, code: Definitions) => Promise<ExitCode>;

/** Asks the registry: beside whoever writes to the store. Without a config, the registry of the `--store` that is named. */
export async function askRegistry(cli: Cli, flags: CommonFlags, work: Work): Promise<ExitCode> {
  const isAlone = flags.store !== undefined && flags.config === undefined;
  const outside = isAlone ? undefined : await outsideRegistry(cli, flags);
  if (outside !== undefined) return await outside(work);
  return cli.withBaton(flags, isAlone ? "journal" : "read", ({ baton, config }) =>
    work(baton.registry, definitionsOf(config)),
  );
}

/**
 * Changes the registry. One that is kept in the store is changed as soon as the store is open, before any run goes on in it: so
 * that what is revoked is executed by nobody any more, and what is published is there for who needs it. What was changed is told,
 * though what comes after it fails.
 */
export async function changeRegistry<X>(
  cli: Cli,
  flags: CommonFlags,
  change: (registry: Registry, code: Definitions) => Promise<X>,
  tell: (changed: X) => Promise<void> | void,
): Promise<ExitCode> {
  const done = async (changed: X): Promise<ExitCode> => {
    await tell(changed);
    return 0;
  };
  const outside = await outsideRegistry(cli, flags);
  if (outside !== undefined)
    return await outside(async (registry, code) => done(await change(registry, code)));
  const { config } = await cli.project(flags);
  const made: { changing?: Promise<X> } = {};
  let isTold = false;
  const tellOnce = async (changed: X): Promise<ExitCode> => {
    if (isTold) return 0;
    isTold = true;
    return await done(changed);
  };
  const first = async (registry: Registry): Promise<void> => {
    made.changing = change(registry, definitionsOf(config));
    // A change that is refused is told below: the store is opened and closed like any other time.
    await made.changing.catch(() => undefined);
  };
  const work = async ({ baton }: Opened): Promise<ExitCode> =>
    tellOnce(await (made.changing ?? change(baton.registry, definitionsOf(config))));
  try {
    return await cli.withBaton(flags, "write", work, first);
  } catch (error) {
    // Whoever sees only this error would take it that nothing was changed.
    await made.changing?.then(tellOnce, () => undefined);
    throw error;
  }
}

/** Undefined where the registry is kept in the store. */
async function outsideRegistry(
  cli: Cli,
  flags: CommonFlags,
): Promise<((work: Work) => Promise<ExitCode>) | undefined> {
  const { config } = await cli.project(flags);
  const { registry: factory } = config;
  if (factory?.kind !== "outside") return undefined;
  return (work) =>
    cli.untilInterrupted(async () => {
      const registry = await factory.open();
      try {
        return await work(registry, definitionsOf(config));
      } finally {
        await registry.close();
      }
    });
}

function definitionsOf({ workflows, agents = [], topics = [] }: BatonConfig): Definitions {
  return { workflows, agents, topics };
}

/** The same registry, which is changed as soon as it is open. */
export function changedFirst(
  factory: RegistryFactory,
  change: (registry: Registry) => Promise<void>,
): RegistryFactory {
  if (factory.kind === "outside") return factory;
  return {
    kind: "embedded",
    open: async (host) => {
      const registry = await factory.open(host);
      await change(registry);
      return registry;
    },
  };
}
