/**
 * A workflow as an agent that speaks the Responses API, at the addresses of MLflow's AgentServer: what stands behind a Databricks App.
 *
 * A1. A request begins a run, or joins the one whose id it names; the same request twice is one run.
 * A2. A run is joined by whoever began it, and by nobody else: to others it is not there, whatever they would begin it with.
 * A3. The run is the journal's, not the request's: it goes on when whoever asked is gone, or the process dies.
 */
import type { Workflow } from "../../model/workflow-types.ts";
import { field } from "./fields.ts";
import { errorAnswer, jsonAnswer, overloaded, refusedAnswer } from "./http-answers.ts";
import { limitedText } from "../limited-body.ts";
import { limitOf } from "./too-long.ts";
import type { AnswerShape } from "./answer-shape.ts";
import { CHAT_SHAPE, chatRequestIn } from "./chat-shape.ts";
import { requestIn, type TakenRequest } from "./responses-request.ts";
import { RESPONSES_SHAPE } from "./responses-stream.ts";
import type { ServedBaton } from "../served-baton.ts";
import { type ResponsesAgentOptions, type Served, served } from "./served.ts";
import { failedAnswer, notFound, serveRun } from "./serving.ts";

/** Answers a web request: mount it into Hono, give it to `serve({ fetch })`, or whatever speaks web requests. */
export type ServedAgent = (request: Request) => Promise<Response>;

/**
 * Serves a workflow as an agent: `POST /responses` and `/invocations`, `GET /agent/info` and `/health`; and `POST /chat/completions`,
 * for clients that know no other.
 *
 * @example serve({ fetch: responsesAgent(baton, rating), port: 8000 });
 * @throws BatonError `DEFINITION_INVALID`
 */
export function responsesAgent<In, Out>(
  baton: ServedBaton,
  workflow: Workflow<In, Out>,
  options: ResponsesAgentOptions<In, Out> = {},
): ServedAgent {
  const agent = served(baton, workflow, options);
  return async (request) => {
    const { pathname } = new URL(request.url);
    const route = ROUTES[pathname.replace(/(?<=.)\/$/, "")];
    if (route === undefined) return notFound(pathname);
    if (request.method !== route.method) {
      const headers = { allow: route.method };
      const message = `${pathname} takes ${route.method} only.`;
      return errorAnswer({ status: 405, code: "METHOD_NOT_ALLOWED", message, headers });
    }
    try {
      return await route.answer(agent, request);
    } catch (error) {
      return failedAnswer(agent, error);
    }
  };
}

interface Route {
  readonly method: "GET" | "POST";
  readonly answer: (agent: Served, request: Request) => Promise<Response> | Response;
}

/** A shape of requests, and of answers. */
interface Spoken {
  readonly taken: (body: unknown) => TakenRequest;
  readonly shape: AnswerShape;
}

const RESPONSES: Spoken = { taken: requestIn, shape: RESPONSES_SHAPE };
const CHAT: Spoken = { taken: chatRequestIn, shape: CHAT_SHAPE };

const ROUTES: Readonly<Record<string, Route | undefined>> = {
  // Endpoints and servers of models take whatever shape their agent speaks at this one address.
  "/invocations": post((body) => (field(body, "messages") === undefined ? RESPONSES : CHAT)),
  "/responses": post(() => RESPONSES),
  "/chat/completions": post(() => CHAT),
  "/agent/info": { method: "GET", answer: info },
  "/health": { method: "GET", answer: () => jsonAnswer({ status: "healthy" }) },
};

function info({ name, workflow }: Served): Response {
  return jsonAnswer({
    name,
    use_case: "agent",
    agent_api: "responses",
    workflow: workflow.id,
    ...(workflow.description === undefined ? {} : { description: workflow.description }),
    ...(workflow.input.accepts === undefined ? {} : { input_schema: workflow.input.accepts }),
  });
}

/** Takes a request in the shape that is spoken, and answers in it. */
function post(spoken: (body: unknown) => Spoken): Route {
  const answer = async (agent: Served, http: Request): Promise<Response> => {
    if (agent.held >= agent.requestsMax)
      return overloaded(undefined, `${agent.held} requests wait for their runs already.`);
    agent.held += 1;
    let isDone = false;
    const done = () => {
      if (!isDone) agent.held -= 1;
      isDone = true;
    };
    try {
      const text = await limitedText(http, limitOf("caller", agent.bodyBytesMax));
      const body = parsed(text);
      const { taken, shape } = spoken(body);
      const found = taken(body);
      if (found.kind === "ok")
        return await serveRun(agent, http, { request: found.request, shape }, done);
      done();
      return refusedAnswer("ARGUMENT_INVALID", found.violations);
    } catch (error) {
      done();
      throw error;
    }
  };
  return { method: "POST", answer };
}

/** What is no JSON is refused as a request that is none. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
