/** The requests of the protocol, for the SDK's own reading of them: each is answered from the journal, for one caller. */
import type { ListTasksRequest, SendMessageRequest, StreamResponse, Task } from "@a2a-js/sdk";
import type { A2ARequestHandler } from "@a2a-js/sdk/server";
import type { AgentCard } from "@a2a-js/sdk";
import { protocolError } from "./protocol-errors.ts";
import type { ServerSdk } from "./sdk.ts";
import {
  cancelTask,
  type Desk,
  findTask,
  followTask,
  type Found,
  isOver,
  Refused,
  isSettled,
  settled,
  standsAs,
  takeMessage,
  taskNamed,
  tasksOf,
} from "./tasks.ts";
import { taskIdOf } from "./task-id.ts";
import { valuePart, type WireMessage, type WireTask } from "./wire.ts";

export interface HandlerParts {
  readonly sdk: ServerSdk;
  readonly desk: Desk;
  readonly card: AgentCard;
  /** Told of what goes wrong, before the SDK makes an answer of it. */
  readonly failed: (error: unknown) => void;
}

const PAGE_DEFAULT = 50;
const PAGE_MAX = 100;

export function requestHandler(parts: HandlerParts): A2ARequestHandler {
  const { sdk, desk, card } = parts;
  const { errors } = sdk;
  const noPush = refusing(() => new errors.PushNotificationNotSupportedError());
  return {
    getAgentCard: async () => card,
    getAuthenticatedExtendedAgentCard: refusing(
      () => new errors.UnsupportedOperationError("There is no extended card."),
    ),
    sendMessage: (request) =>
      told(parts, async () => {
        const found = await taken(parts, request);
        const now = request.configuration?.returnImmediately === true;
        const task = now ? found.task : await settled(desk, found);
        return toTask(sdk, task, request.configuration?.historyLength);
      }),
    sendMessageStream: (request) =>
      toldStream(parts, async function* () {
        const found = await taken(parts, request);
        yield* streamOf(parts, found, {
          stays: false,
          historyLength: request.configuration?.historyLength,
        });
      }),
    getTask: ({ id, historyLength }) =>
      told(parts, async () => toTask(sdk, (await findTask(desk, id)).task, historyLength)),
    listTasks: (request) => told(parts, async () => await listed(parts, request)),
    cancelTask: ({ id }) => told(parts, async () => toTask(sdk, await cancelTask(desk, id))),
    resubscribe: ({ id }) =>
      toldStream(parts, async function* () {
        const found = await findTask(desk, id);
        if (isOver(found.task))
          throw new Refused("unsupported", `The task ${id} has ended: get it instead.`);
        yield* streamOf(parts, found, { stays: true });
      }),
    createTaskPushNotificationConfig: noPush,
    getTaskPushNotificationConfig: noPush,
    listTaskPushNotificationConfigs: noPush,
    deleteTaskPushNotificationConfig: noPush,
  };
}

function refusing(error: () => Error): () => Promise<never> {
  return async () => {
    throw error();
  };
}

async function told<X>({ sdk, failed }: HandlerParts, answer: () => Promise<X>): Promise<X> {
  try {
    return await answer();
  } catch (error) {
    throw protocolError(sdk, error, failed);
  }
}

async function* toldStream(
  { sdk, failed }: HandlerParts,
  answer: () => AsyncGenerator<StreamResponse, void, undefined>,
): AsyncGenerator<StreamResponse, void, undefined> {
  try {
    yield* answer();
  } catch (error) {
    throw protocolError(sdk, error, failed);
  }
}

async function taken({ sdk, desk }: HandlerParts, request: SendMessageRequest): Promise<Found> {
  const { message, configuration, metadata = {} } = request;
  if (message === undefined || message.messageId === "")
    throw new Refused("malformed", "The request has no message with a messageId.");
  if (configuration?.taskPushNotificationConfig !== undefined)
    throw new sdk.errors.PushNotificationNotSupportedError();
  // The SDK's own JSON of a message is what wire.ts describes.
  const wire = sdk.protocol.Message.toJSON(message) as WireMessage;
  return await takeMessage(desk, wire, metadata);
}

/** The task as it is, then what changes, until it is over or asks. With `stays` also while it asks what it asks now. */
async function* streamOf(
  { sdk, desk }: HandlerParts,
  found: Found,
  {
    stays,
    historyLength,
  }: { readonly stays: boolean; readonly historyLength?: number | undefined },
): AsyncGenerator<StreamResponse, void, undefined> {
  yield { payload: { $case: "task", value: toTask(sdk, found.task, historyLength) } };
  if (stays ? isOver(found.task) : isSettled(found.task)) return;
  let before = found.task;
  const place = { taskId: taskIdOf(found.name), contextId: found.name.context };
  for await (const { task, partials } of followTask(desk, found, desk.partials)) {
    for (const { step, attempt, chunk } of partials) {
      const said = { metadata: { step, attempt }, parts: [valuePart(chunk)], role: "ROLE_AGENT" };
      const message = { ...said, ...place, messageId: `${place.taskId}@${step}.${attempt}` };
      yield statusUpdate(sdk, { ...place, status: { ...task.status, message } });
    }
    if (standsAs(before, task)) continue;
    for (const artifact of task.artifacts ?? []) yield artifactUpdate(sdk, { ...place, artifact });
    yield statusUpdate(sdk, { ...place, status: task.status });
    before = task;
  }
}

function statusUpdate({ protocol }: ServerSdk, json: object): StreamResponse {
  const value = protocol.TaskStatusUpdateEvent.fromJSON(json);
  return { payload: { $case: "statusUpdate", value } };
}

function artifactUpdate({ protocol }: ServerSdk, json: object): StreamResponse {
  const value = protocol.TaskArtifactUpdateEvent.fromJSON({ ...json, lastChunk: true });
  return { payload: { $case: "artifactUpdate", value } };
}

function toTask({ protocol }: ServerSdk, task: WireTask, historyLength?: number): Task {
  const { history = [] } = task;
  const shown = historyLength === undefined ? history : lastOf(history, historyLength);
  return protocol.Task.fromJSON({ ...task, history: shown });
}

function lastOf<X>(list: readonly X[], count: number): readonly X[] {
  return count <= 0 ? [] : list.slice(-count);
}

type Named = Awaited<ReturnType<typeof tasksOf>>[number];

async function listed({ sdk, desk }: HandlerParts, request: ListTasksRequest) {
  const { contextId, status, pageSize = PAGE_DEFAULT, pageToken, includeArtifacts } = request;
  const { TASK_STATE_UNSPECIFIED: ANY } = sdk.protocol.TaskState;
  if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > PAGE_MAX)
    throw new Refused("malformed", `The pageSize is 1 to ${PAGE_MAX}.`);
  const after = request.statusTimestampAfter ?? "";
  const changedAfterMs = after === "" ? Number.NEGATIVE_INFINITY : Date.parse(after);
  if (Number.isNaN(changedAfterMs))
    throw new Refused("malformed", "statusTimestampAfter is not an ISO 8601 time.");
  const named = await tasksOf(desk, { context: contextId, changedAfterMs });
  // Read for the page only, or to look at its state: all that a caller ever did may be larger than memory.
  const shown = async ({ name }: Named): Promise<Task> => {
    const task = toTask(sdk, await taskNamed(desk, name), request.historyLength);
    return includeArtifacts === true ? task : { ...task, artifacts: [] };
  };
  const isWanted = (task: Task): boolean => status === ANY || task.status?.state === status;
  const wanted: Named[] = [];
  for (const each of named) if (status === ANY || isWanted(await shown(each))) wanted.push(each);
  const idOf = (each: Named | undefined) => (each === undefined ? "" : taskIdOf(each.name));
  const from = pageToken === "" ? 0 : wanted.findIndex((each) => idOf(each) === pageToken) + 1;
  if (pageToken !== "" && from === 0)
    throw new Refused("malformed", "The pageToken is not known any more: begin again without one.");
  const page = wanted.slice(from, from + pageSize);
  const tasks: Task[] = [];
  for (const each of page) {
    const task = await shown(each);
    // What stands otherwise by now is not what was asked for.
    if (isWanted(task)) tasks.push(task);
  }
  const last = from + pageSize < wanted.length ? page.at(-1) : undefined;
  return {
    tasks,
    nextPageToken: idOf(last),
    pageSize: tasks.length,
    totalSize: wanted.length,
  };
}
