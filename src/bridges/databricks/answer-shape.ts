/** How a run is told to whoever asked: in the Responses shape, or in that of chat completions. */
import type { JsonObject } from "../../model/json.ts";
import type { Standing } from "./responses-response.ts";
import type { ServedItem } from "../served-baton.ts";

export interface StreamOptions {
  readonly run: string;
  readonly workflow: string;
  readonly startedAt: number;
  /** The step whose text is passed on as it comes. */
  readonly deltas: string | undefined;
}

/** A run as events, in order. */
export interface EventWriter {
  readonly begin: () => readonly JsonObject[];
  readonly item: (item: ServedItem) => readonly JsonObject[];
  /** `text` is that of the answer, where the run has completed. */
  readonly end: (standing: Standing, text: string | undefined) => readonly JsonObject[];
  /** Something of ours went wrong: the stream ends without an answer. */
  readonly broken: () => readonly JsonObject[];
}

export interface AnswerShape {
  readonly whole: (standing: Standing, text: string | undefined) => Response;
  readonly writer: (options: StreamOptions) => EventWriter;
}
