/** The contracts of an agent that is a tool: made of the tool's schemas, or given and compared with them. */
import { compatibility } from "../../model/compatibility.ts";
import type { AnyContract, Contract } from "../../model/contract.ts";
import { isBatonError } from "../../model/errors.ts";
import type { Json, JsonObject } from "../../model/json.ts";
import { jsonSchemaContract } from "../../model/json-schema.ts";
import type { McpTool } from "./called-tool.ts";
import { isObject } from "./fields.ts";

export interface ContractsAsked<I, O> {
  readonly name: string;
  readonly version: string;
  readonly input?: Contract<I>;
  readonly output?: Contract<O>;
  /** Whether the agent's own functions stand between its contracts and the tool. */
  readonly mapsArguments: boolean;
  readonly mapsResult: boolean;
}

/** The contracts of the agent; what does not fit the tool is added to `problems`. */
export function toolContracts<I, O>(
  tool: McpTool,
  { name, version, mapsArguments, mapsResult, ...given }: ContractsAsked<I, O>,
  problems: string[],
): { readonly input: Contract<I>; readonly output: Contract<O> } {
  const takes = plainSchema(tool.inputSchema);
  const gives = tool.outputSchema === undefined ? TEXT : plainSchema(tool.outputSchema);
  if (given.input !== undefined && !mapsArguments)
    problems.push(...inputProblems(given.input, takes));
  if (given.output !== undefined && !mapsResult && tool.outputSchema !== undefined)
    problems.push(...outputProblems(given.output, gives));
  return {
    input: given.input ?? made<I>("input", takes, { name, version }, problems),
    output: given.output ?? made<O>("output", gives, { name, version }, problems),
  };
}

function made<X>(
  side: "input" | "output",
  schema: JsonObject,
  { name, version }: { readonly name: string; readonly version: string },
  problems: string[],
): Contract<X> {
  try {
    return jsonSchemaContract<X>(`${name}-${side}`, version, schema);
  } catch (error) {
    if (!isBatonError(error, "DEFINITION_INVALID")) throw error;
    problems.push(`Give it an \`${side}\` of your own, since none can be made: ${error.message}`);
    // Never seen: with a problem no agent is made.
    return jsonSchemaContract<X>("none", "0.0.0", {});
  }
}

/** What a tool gives that says nothing of it. */
const TEXT: JsonObject = { type: "string" };

/** Whether a contract wants the text of an answer as it is. */
export function wantsText({ accepts }: AnyContract): boolean {
  return accepts?.["type"] === "string";
}

/** Whatever the contract lets through, the tool must take. */
function inputProblems(input: AnyContract, takes: JsonObject): readonly string[] {
  return compatibility(input, takes, "backward")
    .problems.filter(({ verdict }) => verdict === "broken")
    .map(
      ({ path, change }) =>
        `Its input contract ${input.id} lets values through that the tool does not take: ${change} at ${path || "/"}.`,
    );
}

/**
 * The contract may want more than the tool promises, and is there to check it. What the tool can never give is a mistake.
 */
function outputProblems(output: AnyContract, gives: JsonObject): readonly string[] {
  if (wantsText(output) || output.accepts === undefined) return [];
  return impossible(gives, output.accepts, "").map(
    (what) => `Its output contract ${output.id} wants what the tool does not give: ${what}.`,
  );
}

function impossible(
  gives: Json | undefined,
  wants: Json | undefined,
  path: string,
): readonly string[] {
  if (!isObject(gives) || !isObject(wants)) return [];
  const [given, wanted] = [typesOf(gives), typesOf(wants)];
  if (given !== undefined && wanted !== undefined && !given.some((type) => wanted.includes(type)))
    return [`${path || "/"} is ${given.join(" or ")}, not ${wanted.join(" or ")}`];
  const { properties: offered } = gives;
  const { properties: asked, required } = wants;
  if (!isObject(offered)) return [];
  const missing = (Array.isArray(required) ? required : []).filter(
    (key) => typeof key === "string" && !(key in offered),
  );
  return [
    ...missing.map((key) => `${path}/${String(key)} is required`),
    ...Object.entries(isObject(asked) ? asked : {}).flatMap(([key, schema]) =>
      impossible(offered[key], schema, `${path}/${key}`),
    ),
  ];
}

/** The types of JSON that a schema lets through, if it says so itself. A whole number is a number. */
function typesOf({ type }: JsonObject): readonly string[] | undefined {
  const types = typeof type === "string" ? [type] : type;
  if (!Array.isArray(types)) return undefined;
  return types.map((each) => (each === "integer" ? "number" : String(each)));
}

const DRAFTS = /^https?:\/\/json-schema\.org\/draft(-0[4-7]|\/20\d\d-\d\d)\/schema#?$/;

/**
 * A tool's schema as one of draft 2020-12. Many servers write those of draft 7, which say the same in nearly all that tools use;
 * lists with a schema for each place are written as they are today.
 */
export function plainSchema(schema: JsonObject): JsonObject {
  const { $schema: draft, ...document } = schema;
  if (draft !== undefined && !(typeof draft === "string" && DRAFTS.test(draft))) return schema;
  // An object stays one.
  return modern(document) as JsonObject;
}

function modern(node: Json): Json {
  if (Array.isArray(node)) return node.map(modern);
  if (!isObject(node)) return node;
  const { items, additionalItems, ...rest } = node;
  const places = Array.isArray(items)
    ? { prefixItems: items, ...(additionalItems === undefined ? {} : { items: additionalItems }) }
    : items === undefined
      ? {}
      : { items };
  return Object.fromEntries(
    Object.entries({ ...rest, ...places }).map(([key, value]) => [
      key,
      // Values, not schemas.
      key === "const" || key === "enum" || key === "default" || key === "examples"
        ? value
        : modern(value),
    ]),
  );
}
