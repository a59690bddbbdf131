/** The simulator must be able to fail: each bug that is planted in the sources is found within some hundred seeds. */
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { createViteServer } from "vitest/node";
import { EVENT_MUTANTS } from "./event-mutants.ts";
import type { Hunted } from "./hunt.ts";
import { type Mutant, MUTANTS } from "./mutants.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SEEDS = { from: 1, count: 400 };

interface Hunting {
  readonly hunt: (
    seeds: typeof SEEDS,
    faults: Mutant["faults"],
    hunted: Hunted,
  ) => Promise<readonly string[] | undefined>;
}

/** Loads the sources anew, with a bug in them, and looks for a seed that shows it. */
async function found(mutant: Mutant, hunted: Hunted): Promise<readonly string[]> {
  let applied = 0;
  const server = await createViteServer({
    configFile: false,
    root: ROOT,
    logLevel: "error",
    appType: "custom",
    server: { middlewareMode: true, hmr: false, ws: false, watch: null },
    optimizeDeps: { noDiscovery: true },
    resolve: {
      alias: [
        { find: /^baton$/, replacement: `${ROOT}src/index.ts` },
        { find: /^baton\/testing$/, replacement: `${ROOT}src/testing/testing.ts` },
      ],
    },
    plugins: [
      {
        name: "mutant",
        enforce: "pre",
        transform: (code: string, id: string) => {
          if (!id.endsWith(`/src/${mutant.file}`)) return undefined;
          applied = code.split(mutant.from).length - 1;
          return code.replace(mutant.from, () => mutant.to);
        },
      },
    ],
  });
  try {
    // The module says what it exports; a server that loads by name can't.
    const { hunt } = (await server.ssrLoadModule("/test/sim/hunt.ts")) as unknown as Hunting;
    const lines = await hunt(SEEDS, mutant.faults, hunted);
    expect(applied, `"${mutant.from}" must stand in src/${mutant.file} once`).toBe(1);
    return lines ?? [];
  } finally {
    await server.close();
  }
}

const ALL = [
  ...Object.entries(MUTANTS).map(([bug, mutant]) => [bug, "workflows", mutant] as const),
  ...Object.entries(EVENT_MUTANTS).map(([bug, mutant]) => [bug, "choreographies", mutant] as const),
];

test.each(ALL)(
  "it finds a Baton that %s",
  async (_, hunted, mutant) => {
    const lines = await found(mutant, hunted);
    if (process.env["BATON_SIM_SHOW"] === "1") console.log(lines.join("\n"));
    expect(lines.join("\n")).toMatch(mutant.breaks);
  },
  120_000,
);
