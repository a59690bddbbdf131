/** The card of an agent whose skills are workflows. */
import type { AgentCard, AgentSkill } from "@a2a-js/sdk";
import type { A2aCard, A2aSkill } from "./server-options.ts";
import { JSON_MEDIA_TYPE } from "./wire.ts";

const MODES = [JSON_MEDIA_TYPE, "text/plain"];
const VERSION = "1.0";

export function serverCard(card: A2aCard, skills: ReadonlyMap<string, A2aSkill>): AgentCard {
  const url = card.url.replace(/\/+$/, "");
  // JSON-RPC is posted to the very url, so one that is only an origin keeps its slash.
  const bindings = [
    { protocolBinding: "JSONRPC", url: card.url },
    { protocolBinding: "HTTP+JSON", url },
  ];
  return {
    name: card.name,
    description: card.description,
    version: card.version,
    supportedInterfaces: bindings.map((each) => ({
      ...each,
      tenant: "",
      protocolVersion: VERSION,
    })),
    provider: card.provider,
    ...(card.documentationUrl === undefined ? {} : { documentationUrl: card.documentationUrl }),
    ...(card.iconUrl === undefined ? {} : { iconUrl: card.iconUrl }),
    capabilities: {
      streaming: true,
      pushNotifications: false,
      extendedAgentCard: false,
      extensions: [],
    },
    securitySchemes: { ...card.securitySchemes },
    securityRequirements: [...(card.securityRequirements ?? [])],
    defaultInputModes: MODES,
    defaultOutputModes: MODES,
    skills: [...skills].map(([id, skill]) => skillOf(id, skill)),
    signatures: [],
  };
}

function skillOf(id: string, skill: A2aSkill): AgentSkill {
  const { workflow, name = id, tags = ["workflow"], examples = [] } = skill;
  return {
    id,
    name,
    description: skill.description ?? workflow.description ?? `The workflow ${workflow.id}.`,
    tags: [...tags],
    examples: [...examples],
    inputModes: [],
    outputModes: [],
    securityRequirements: [],
  };
}
