/**
 * The rooms of the house: what each folder below src/ may know. DESIGN and ARCHITECTURE say why; docs/adr/0002
 * has the decision. A room that is not named here is not allowed to exist.
 */
export interface Room {
  readonly name: string;
  /** Which files live in the room, by path from the root. */
  readonly files: RegExp;
  /** The rooms that it may import, besides itself. */
  readonly knows: readonly string[];
  /** The modules of Node that it may import: any of them, or these. */
  readonly node: "any" | readonly string[];
}

const CORE = ["model", "decide", "journal", "ports"];

function store(name: string): Room {
  return {
    name: `stores/${name}`,
    files: new RegExp(`^src/stores/${name}/`),
    knows: ["ports", "model", "journal", "stores"],
    node: "any",
  };
}

function engine(name: string): Room {
  return {
    name: `engine/${name}`,
    files: new RegExp(`^src/engine/${name}/`),
    knows: [...CORE, "bus", "history", "registry", "engine"],
    node: "any",
  };
}

export const SURFACES = [
  "src/index.ts",
  "src/sqlite.ts",
  "src/cloud-events.ts",
  "src/otel.ts",
  "src/langgraph.ts",
  "src/delta.ts",
  "src/nats.ts",
  "src/unity-catalog.ts",
  "src/testing/testing.ts",
] as const;

export const ROOMS: readonly Room[] = [
  { name: "model", files: /^src\/model\//, knows: [], node: [] },
  { name: "decide", files: /^src\/decide\//, knows: ["model"], node: [] },
  // Of the ports it knows the types of what is stored.
  { name: "journal", files: /^src\/journal\//, knows: ["model", "ports"], node: ["node:crypto"] },
  { name: "ports", files: /^src\/ports\//, knows: ["model"], node: [] },
  // What all stores share, such as the plan of a group commit.
  {
    name: "stores",
    files: /^src\/stores\/[^/]+\.ts$/,
    knows: ["ports", "model", "journal"],
    node: [],
  },
  store("memory"),
  store("sqlite"),
  store("postgres"),
  {
    name: "bridges",
    files: /^src\/bridges\//,
    // What stands in a journal is read by the reader of journals, also by a bridge; a registry has names that all registries have.
    knows: ["ports", "model", "journal", "history", "bus", "registry"],
    node: "any",
  },
  // What all buses share, such as the order of keys.
  { name: "bus", files: /^src\/bus\//, knows: ["ports", "model"], node: [] },
  { name: "engine", files: /^src\/engine\/[^/]+\.ts$/, knows: [...CORE, "history"], node: [] },
  engine("embedded"),
  engine("restate"),
  engine("simulated"),
  { name: "history", files: /^src\/history\//, knows: CORE, node: [] },
  // The catalogue of what is in the code, and the one that is kept in the store.
  {
    name: "registry",
    files: /^src\/registry\//,
    knows: ["model", "ports", "journal", "history"],
    node: [],
  },
  {
    name: "testing",
    files: /^src\/testing\//,
    knows: [
      ...CORE,
      "bus",
      "history",
      "registry",
      "engine",
      "engine/embedded",
      "engine/simulated",
      "stores/memory",
    ],
    node: "any",
  },
  {
    name: "compose",
    files: /^src\/compose\.ts$/,
    knows: [
      ...CORE,
      "history",
      "registry",
      "engine",
      "engine/embedded",
      "stores/memory",
      "stores/sqlite",
      "stores/postgres",
      "bridges",
    ],
    node: "any",
  },
  {
    name: "surface",
    files: /^src\/(index|sqlite|cloud-events|delta|langgraph|nats|otel|unity-catalog)\.ts$/,
    knows: [
      ...CORE,
      "engine",
      "history",
      "registry",
      "compose",
      "stores/sqlite",
      "stores/memory",
      "cli/config",
      "testing",
      "bridges",
    ],
    node: [],
  },
  // What a config file is: the one file of the CLI that users import.
  {
    name: "cli/config",
    files: /^src\/cli\/config\.ts$/,
    // Of testing it knows what a fake is.
    knows: ["model", "ports", "engine", "testing"],
    node: [],
  },
  {
    name: "cli",
    files: /^src\/cli\//,
    knows: ["surface", "compose", "cli/config", "model", "history", "journal", "testing"],
    node: "any",
  },
];

/** Packages that belong to one room: who else needs them goes through that room. */
export const PACKAGES_OF_ONE_ROOM: Readonly<Record<string, RegExp>> = {
  "better-sqlite3": /^src\/stores\/sqlite\//,
  "@opentelemetry/api": /^src\/bridges\/otel\//,
  "@opentelemetry/exporter-trace-otlp-proto": /^src\/bridges\/otel\//,
  "@nats-io/jetstream": /^src\/bridges\/nats\//,
  "@nats-io/transport-node": /^src\/bridges\/nats\//,
  cloudevents: /^src\/bridges\/cloud-events\//,
  "hyparquet-compressors": /^src\/bridges\/delta\//,
  hyparquet: /^src\/bridges\/delta\//,
  "hyparquet-writer": /^src\/bridges\/delta\//,
  "@aws-sdk/client-s3": /^src\/bridges\/delta\//,
  "cli-progress": /^src\/cli\//,
  "cli-table3": /^src\/cli\//,
  commander: /^src\/cli\//,
  jiti: /^src\/cli\//,
  picocolors: /^src\/cli\//,
};
