/** What an agent elsewhere has answered, in whichever shape it came. */
import type { JsonObject } from "../../model/json.ts";

export interface RemoteAnswer {
  /** Of its last message. */
  readonly text: string;
  /** All items of the output as they came: messages, calls of tools and what they gave, reasoning. In the chat shape the message. */
  readonly items: readonly JsonObject[];
  /** What the agent gives beside its messages; empty if it gives nothing. */
  readonly customOutputs: JsonObject;
}

/** Tokens of one call of a model. */
export interface RemoteUsage {
  readonly model: string | undefined;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** Puts an answer together. What goes wrong with it is thrown by `answer`, after its usage is known. */
export interface AnswerFold {
  /** An event of a streamed answer. @returns text and items that whoever watches is shown */
  readonly event: (event: JsonObject) => readonly (string | JsonObject)[];
  /** An answer that came as a whole. */
  readonly whole: (body: JsonObject) => void;
  /** What has been used for certain: it only grows. Some tell of the whole again with each event, and are believed once it `isOver`. */
  readonly usage: (isOver: boolean) => readonly RemoteUsage[];
  /** @throws BatonError REMOTE_FAILED, REMOTE_INCOMPLETE, REMOTE_ASKS, REMOTE_ANSWER_INVALID */
  readonly answer: () => RemoteAnswer;
  /** Whether what came so far may be all, where the connection ends without saying so. */
  readonly mayEnd: () => boolean;
  /** Whether moreover nothing in it asks for more: a call of a tool, say, whose result has not come. */
  readonly seemsWhole: () => boolean;
}
