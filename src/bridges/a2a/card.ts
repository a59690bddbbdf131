/** The card of a remote agent: read, compared with what was pinned, and refused where it is not what is wanted. */
import type { AgentCard } from "@a2a-js/sdk";
import { canonicalJson } from "../../journal/canonical.ts";
import { sha256Hex } from "../../journal/hash.ts";
import { BatonError } from "../../model/errors.ts";
import { type JsonObject, sealJson } from "../../model/json.ts";
import { callFailed } from "./remote-errors.ts";
import type { ClientSdk } from "./sdk.ts";

/** Gives the public key of a signature: by its `kid`, and by where it says its keys are. Trust no `jku` that you don't know. */
export type A2aKeys = Parameters<ClientSdk["protocol"]["verifyAgentCardSignature"]>[0];

/** What is wanted of a card. */
export interface CardPolicy {
  /** Where the agent is (its card is looked for below, in `.well-known/agent-card.json`), where its card is (`...json`), or the card itself. */
  readonly card: string | JsonObject;
  /** What {@link a2aCardHash} gave of the card that was looked at: another card is refused with `AGENT_CARD_CHANGED`. */
  readonly cardHash?: string;
  /** The version that the card must say. */
  readonly cardVersion?: string;
  /** The skill that is called: the card must have it, and each message names it as `metadata.skill`. */
  readonly skill?: string;
  /** Where given, the card must carry a signature that one of these keys has made. */
  readonly keys?: A2aKeys;
  /** Origins besides the card's own that the agent may be reached at; the credentials are sent there. */
  readonly origins?: readonly string[];
}

const CARD_PATH = ".well-known/agent-card.json";

/** The card as it can be trusted. @throws BatonError AGENT_CARD_CHANGED, AGENT_CARD_REFUSED, and as {@link callFailed} */
export async function checkedCard(
  sdk: ClientSdk,
  policy: CardPolicy,
  fetchCard: typeof fetch,
  signal: AbortSignal,
): Promise<AgentCard> {
  const at = typeof policy.card === "string" ? cardUrl(policy.card) : undefined;
  const json =
    at === undefined ? (policy.card as JsonObject) : await readCard(sdk, at, fetchCard, signal);
  const hash = a2aCardHash(json);
  const card = sdk.protocol.AgentCard.fromJSON(json);
  const refuse = (why: string) =>
    new BatonError("AGENT_CARD_REFUSED", `The card of ${card.name || "the agent"} ${why}.`, {
      details: { hash, ...(at === undefined ? {} : { url: at }) },
    });
  if (policy.cardHash !== undefined && policy.cardHash !== hash) {
    const message = `The card of ${card.name} is not the one that was pinned.`;
    throw new BatonError("AGENT_CARD_CHANGED", message, {
      details: { pinned: policy.cardHash, hash },
    });
  }
  if (policy.cardVersion !== undefined && policy.cardVersion !== card.version)
    throw refuse(`says version ${card.version}, and ${policy.cardVersion} is wanted`);
  if (policy.skill !== undefined && !card.skills.some(({ id }) => id === policy.skill))
    throw refuse(`has no skill ${policy.skill}`);
  if (policy.keys !== undefined) {
    try {
      await sdk.protocol.verifyAgentCardSignature(policy.keys)(card);
    } catch (cause) {
      throw refuse(`has no signature that holds (${sdk.errors.extractErrorMessage(cause)})`);
    }
  }
  const supportedInterfaces = usable(card, policy, at);
  if (supportedInterfaces.length === 0)
    throw refuse(
      "has no interface that can be used: JSON-RPC or HTTP+JSON, of protocol 1, at the card's own origin or one of `origins`",
    );
  return { ...card, supportedInterfaces };
}

const BINDINGS: ReadonlySet<string> = new Set(["JSONRPC", "HTTP+JSON"]);

/** Who writes the card says where the credentials are sent: not to anywhere. */
function usable(
  { supportedInterfaces }: AgentCard,
  { origins }: CardPolicy,
  at: string | undefined,
): AgentCard["supportedInterfaces"] {
  const allowed = new Set([...(origins ?? []), ...(at === undefined ? [] : [new URL(at).origin])]);
  return supportedInterfaces.filter(({ url, protocolBinding, protocolVersion }) => {
    if (!BINDINGS.has(protocolBinding.toUpperCase()) || !/^1(\.|$)/.test(protocolVersion))
      return false;
    if (!URL.canParse(url)) return false;
    // A card that stands in the code is trusted like the code.
    return (at === undefined && origins === undefined) || allowed.has(new URL(url).origin);
  });
}

/** Where the card of an agent is. */
export function cardUrl(place: string): string {
  if (new URL(place).pathname.endsWith(".json")) return place;
  return new URL(CARD_PATH, place.endsWith("/") ? place : `${place}/`).href;
}

async function readCard(
  sdk: ClientSdk,
  url: string,
  fetchCard: typeof fetch,
  signal: AbortSignal,
): Promise<JsonObject> {
  const { A2A_PROTOCOL_VERSION, A2A_VERSION_HEADER } = sdk.protocol;
  try {
    const headers = { accept: "application/json", [A2A_VERSION_HEADER]: A2A_PROTOCOL_VERSION };
    const response = await fetchCard(url, { headers, signal });
    const { status } = response;
    if (!response.ok)
      throw new BatonError("REMOTE_REFUSED", `There is no card at ${url}: ${status}.`, {
        details: { status },
      });
    const card: unknown = await response.json();
    if (typeof card === "object" && card !== null) return card as JsonObject;
    throw new BatonError("AGENT_CARD_REFUSED", `What is at ${url} is no card.`);
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new BatonError("AGENT_CARD_REFUSED", `What is at ${url} is no JSON.`, { cause: error });
    throw callFailed(sdk, error);
  }
}

/**
 * What a card is pinned by: the hash of all that it says, in canonical JSON, without its signatures.
 *
 * @throws BatonError `VALUE_NOT_JSON`
 */
export function a2aCardHash(card: JsonObject): string {
  const { signatures: _, ...said } = card;
  return sha256Hex(canonicalJson(sealJson(said, "card")));
}
