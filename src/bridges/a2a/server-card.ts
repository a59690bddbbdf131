/** The card of an agent whose skills are workflows. */
import type { AgentCard } from "@a2a-js/sdk";
import type { ServerSdk } from "./sdk.ts";
import type { A2aCard, A2aSkill } from "./server-options.ts";
import { JSON_MEDIA_TYPE } from "./wire.ts";

const MODES = [JSON_MEDIA_TYPE, "text/plain"];
const VERSION = "1.0";

export function serverCard(
  { protocol }: Pick<ServerSdk, "protocol">,
  { url, ...card }: A2aCard,
  skills: ReadonlyMap<string, A2aSkill>,
): AgentCard {
  const bindings = [
    { protocolBinding: "JSONRPC", url },
    // What is asked for is written behind it.
    { protocolBinding: "HTTP+JSON", url: url.replace(/\/+$/, "") },
  ];
  return protocol.AgentCard.fromJSON({
    ...card,
    supportedInterfaces: bindings.map((each) => ({ ...each, protocolVersion: VERSION })),
    capabilities: { streaming: true, pushNotifications: false, extendedAgentCard: false },
    defaultInputModes: MODES,
    defaultOutputModes: MODES,
    skills: [...skills].map(([id, skill]) => skillOf(id, skill)),
  });
}

function skillOf(id: string, skill: A2aSkill): object {
  const { workflow, name = id, tags = ["workflow"], examples = [] } = skill;
  const description = skill.description ?? workflow.description ?? `The workflow ${workflow.id}.`;
  return { id, name, description, tags, examples };
}
