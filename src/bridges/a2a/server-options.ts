/** What `a2aServer()` takes, checked. */
import type { AgentCardSignatureGenerator } from "@a2a-js/sdk";
import type { Author } from "../../model/entry.ts";
import type { JsonObject } from "../../model/json.ts";
import { definitionInvalid, isWorkflow, unknownOptions } from "../../model/problems.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import type { ServedBaton } from "../served-baton.ts";

/** A workflow as a skill of the agent. */
export interface A2aSkill {
  readonly workflow: WorkflowDefinition;
  /** What a message names it by, as `metadata.skill`; the workflow's name if left out. */
  readonly id?: string;
  /** The id if left out. */
  readonly name?: string;
  /** The workflow's description if left out. */
  readonly description?: string;
  readonly tags?: readonly string[];
  /** Inputs that it takes, each as a text. */
  readonly examples?: readonly string[];
}

/** Who the agent is. What follows from the workflows is added: skills, modes, capabilities. */
export interface A2aCard {
  readonly name: string;
  readonly description: string;
  /** Of the agent, as its callers see it: `1.0.0`. */
  readonly version: string;
  /** Where the handler is reached from outside: `https://agents.example.com/credit`. */
  readonly url: string;
  readonly provider?: { readonly organization: string; readonly url: string };
  readonly documentationUrl?: string;
  readonly iconUrl?: string;
  /**
   * How callers are to identify themselves, in the protocol's JSON: `{ token: { httpAuthSecurityScheme: { scheme: "Bearer" } } }`. It
   * is said, and `author` checks it.
   */
  readonly securitySchemes?: Readonly<Record<string, JsonObject>>;
  /** Which of them are needed: `[{ schemes: { token: { list: [] } } }]`. */
  readonly securityRequirements?: readonly JsonObject[];
}

/** What {@link a2aServer} takes. */
export interface A2aServerOptions {
  /** Workflows that were given to `open()`. With more than one, a message says which by `metadata.skill`. */
  readonly workflows: readonly (WorkflowDefinition | A2aSkill)[];
  readonly card: A2aCard;
  /**
   * Who calls; undefined for somebody unknown, who is answered with 401. Runs are started by that author, and a caller sees its own
   * tasks only. Nothing is let in without being asked here: for a server that is open to all, give them all one author.
   */
  readonly author: (request: Request) => Author | undefined | Promise<Author | undefined>;
  /** Below which path requests come in: that of the card's url, if left out. Another one where a proxy takes some of it away. */
  readonly path?: string;
  /** The largest body of a request: 4 MiB if left out. A larger one is answered with 413. */
  readonly bodyBytesMax?: number;
  /** Whether what agents give by `context.stream` is sent to callers that listen; false if left out. */
  readonly partials?: boolean;
  /** Signs the card: what `generateAgentCardSignature` of the SDK gives. */
  readonly sign?: AgentCardSignatureGenerator;
  /** Told of errors that callers only hear of as "internal error"; they are written to stderr if left out. */
  readonly onError?: (error: unknown) => void;
}

/** As large as what a step may give. */
export const BODY_BYTES_MAX = 4 * 1024 * 1024;

const KNOWN: ReadonlySet<string> = new Set<keyof A2aServerOptions>([
  "workflows",
  "card",
  "author",
  "path",
  "bodyBytesMax",
  "partials",
  "sign",
  "onError",
]);

/** The skills by their ids. @throws BatonError DEFINITION_INVALID */
export function checkedSkills(
  baton: Pick<ServedBaton, "workflows">,
  options: A2aServerOptions,
): ReadonlyMap<string, A2aSkill> {
  const { workflows, card, author, path = "/", bodyBytesMax = BODY_BYTES_MAX } = options;
  const problems = unknownOptions(options, KNOWN, "`a2aServer`");
  const skills = new Map<string, A2aSkill>();
  for (const each of workflows) {
    const skill: A2aSkill = isWorkflow(each) ? { workflow: each } : each;
    const { id = skill.workflow.name, workflow } = skill;
    if (skills.has(id)) problems.push(`Two skills are called ${id}: give one of them an \`id\`.`);
    if (!baton.workflows.includes(workflow))
      problems.push(`The workflow ${workflow.id} was not given to open().`);
    skills.set(id, skill);
  }
  if (skills.size === 0) problems.push("There are no workflows.");
  if (!URL.canParse(card.url)) problems.push(`The card's url, "${card.url}", is none.`);
  if (!path.startsWith("/")) problems.push(`The path, "${path}", does not begin with a slash.`);
  if (typeof author !== "function") problems.push("`author` is not a function.");
  if (!Number.isSafeInteger(bodyBytesMax) || bodyBytesMax < 1)
    problems.push("`bodyBytesMax` is not a whole number above 0.");
  if (problems.length > 0) throw definitionInvalid(`A2A server "${card.name}"`, problems);
  return skills;
}
