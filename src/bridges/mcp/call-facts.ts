/** What belongs to one call, wherever the SDK calls back in the middle of it. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { AgentLog } from "../../model/agent-definition.ts";

export interface CallFacts {
  readonly traceparent?: string;
  readonly log?: AgentLog;
  /** Ends the call: too much has come. */
  readonly abort: (reason: Error) => void;
  /** Told when the stream in which the answer comes has ended, after the answer or without it. */
  readonly streamEnded: () => void;
  /** After how long the server wants to be asked again. */
  retryAfterMs?: number;
}

/** Over HTTP each call has a stream of its own, and what comes in it is told to that call. */
export const currentCall = new AsyncLocalStorage<CallFacts>();
