/** Those who use a simulated system: they start runs, answer what waits, and ask again when they get no answer. */
import type { Entry } from "../../model/entry.ts";
import { partsOf } from "../../model/workflow-parts.ts";
import { operateSubscriptions, publishAs, publishBeside } from "./bus-clients.ts";
import { chanceAt, wholeAt } from "./chance.ts";
import { type Desk, insistOn, later, PERSON } from "./desk.ts";
import { dealWithLetters } from "./letters.ts";
import type { World } from "./world.ts";

const ARRIVE_MS = [0, 1_500] as const;
const ANSWER_MS = [20, 3_000] as const;
const CANCEL_MS = [500, 8_000] as const;
const OUTAGE_MS = [500, 15_000] as const;
const GO_BACK_MS = [500, 20_000] as const;
const REMINDERS_MAX = 15;

export interface Clients {
  /** They begin. */
  readonly come: () => void;
  /** They are told of what was kept in the journal. */
  readonly see: (entry: Entry) => void;
  /** Whether all have had their answers. */
  readonly areDone: () => boolean;
}

export function clients(world: World): Clients {
  const desk: Desk = { world, busy: 0, reminders: new Map() };
  return {
    come: () => {
      for (const [id, input] of world.plan.inputs) visit(desk, id, input);
      operate(desk);
      operateSubscriptions(desk);
    },
    see: (entry) => {
      if (entry.kind === "reminder.due") remind(desk, entry);
      if (entry.kind === "run.parked" || entry.kind === "step.parked") readLetters(desk, entry);
      if (entry.kind === "step.opened") answer(desk, entry);
    },
    areDone: () => desk.busy === 0,
  };
}

/** Somebody starts a run, and may want it to end, or to go back, before it has ended by itself. */
function visit(desk: Desk, correlation: string, input: unknown): void {
  const { seed, schedule, workflow, published } = desk.world.plan;
  const { choreography } = workflow;
  const isPublished = choreography !== undefined && published.has(correlation);
  const id = isPublished ? `${correlation}/${workflow.name}` : correlation;
  const start = () =>
    void insistOn(desk, `The start of ${id}`, (baton) =>
      isPublished
        ? publishAs(desk, baton, { id: correlation, topic: choreography.starts.name, data: input })
        : baton.startUntyped(workflow, input, { id }),
    );
  publishBeside(desk, correlation);
  later(desk, wholeAt(seed, ...ARRIVE_MS, "arrive", id), start);
  if (schedule.strikes("duplicate", `start ${id}`))
    later(desk, wholeAt(seed, 0, 5_000, "again", id), start);
  const because = { by: PERSON, reason: "simulated" };
  if (schedule.strikes("cancel", id)) {
    later(desk, wholeAt(seed, ...CANCEL_MS, "cancel", id), () => {
      void insistOn(desk, `The end of ${id}`, (baton) => baton.cancel(id, because));
    });
  }
  if (schedule.strikes("compensate", id)) {
    later(desk, wholeAt(seed, ...GO_BACK_MS, "compensate", id), () => {
      void insistOn(desk, `The way back of ${id}`, (baton) => baton.compensate(id, because));
    });
  }
}

/** An operator opens breakers by hand, and closes them after a while. */
function operate(desk: Desk): void {
  const { seed, schedule, workflows } = desk.world.plan;
  const names = new Set(
    workflows.flatMap((each) => [...partsOf(each).agents].map(({ breaker }) => breaker?.name)),
  );
  const because = { by: PERSON, reason: "simulated" };
  for (const name of names) {
    if (name === undefined || !schedule.strikes("breaker", name)) continue;
    later(desk, wholeAt(seed, ...CANCEL_MS, "opens", name), () => {
      void insistOn(desk, `The opening of ${name}`, (baton) =>
        baton.openBreaker(name, because),
      ).then(() =>
        later(desk, wholeAt(seed, ...OUTAGE_MS, "closes", name), () => {
          void insistOn(desk, `The closing of ${name}`, (baton) =>
            baton.closeBreaker(name, because),
          );
        }),
      );
    });
  }
}

/** Whoever is reminded again and again says no at last. */
function remind(desk: Desk, { stream, path = "", turn = 0 }: Entry): void {
  const run = stream.slice("run/".length);
  const id = `${run} ${path}${anew(turn)} reminded`;
  const count = (desk.reminders.get(id) ?? 0) + 1;
  desk.reminders.set(id, count);
  if (count !== REMINDERS_MAX) return;
  void insistOn(desk, `The answer to ${id}`, (baton) =>
    baton.signal(run, path, { approved: false }, { by: PERSON, id }),
  );
}

function readLetters(desk: Desk, { stream, seq }: Entry): void {
  const run = stream.slice("run/".length);
  later(desk, wholeAt(desk.world.plan.seed, ...ANSWER_MS, "letters", run, seq), () => {
    void insistOn(desk, `What is decided of the dead letters of ${run}`, (baton) =>
      dealWithLetters(desk.world, baton, PERSON, { run, seq }),
    );
  });
}

/** A step that waits for somebody is answered, if the plan has an answer. */
function answer(desk: Desk, { stream, path: step, turn = 0, payload }: Entry): void {
  if (step === undefined || (payload["step"] !== "approval" && payload["step"] !== "signal"))
    return;
  const { plan } = desk.world;
  const { seed } = plan;
  const run = stream.slice("run/".length);
  const value = plan.answer(run, step);
  if (value === undefined) return;
  const id = `${run} ${step}${anew(turn)}`;
  const give = () =>
    void insistOn(desk, `The answer to ${id}`, (baton) =>
      baton.signal(run, step, value, { by: PERSON, id }),
    );
  later(desk, wholeAt(seed, ...ANSWER_MS, "answer", run, step), give);
  if (plan.schedule.strikes("duplicate", `answer ${id}`))
    later(desk, wholeAt(seed, ...ANSWER_MS, "answer", run, step, chanceAt(seed, run)), give);
}

/** Whoever is asked anew answers anew: an answer with the id of an earlier one would be taken for that one. */
function anew(turn: number): string {
  return turn === 0 ? "" : ` turn ${turn}`;
}
