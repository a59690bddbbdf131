/** Bugs in what Baton does with events; planted as those in mutants.ts, and looked for over choreographies. */
import type { Mutant } from "./mutants.ts";

/** By what Baton does wrong then. */
export const EVENT_MUTANTS: Readonly<Record<string, Mutant>> = {
  "appends an event after its cause": {
    file: "engine/embedded/actors.ts",
    from: "core.store.append({ streams: [stream], blobs, epoch: core.epoch }).then(",
    to: `const at = stream.entries.findIndex(({ label }) => label !== undefined);
  const part = (from: number, to?: number) =>
    core.store.append({
      streams: [{ ...stream, expectedSeq: first - 1 + from, entries: stream.entries.slice(from, to) }],
      blobs,
      epoch: core.epoch,
    });
  const isSplit = at > 0 && stream.entries.length > 1;
  part(0, isSplit ? at : undefined)
    .then((result) => (isSplit && result.kind === "appended" ? part(at) : result))
    .then(`,
    breaks: /promise outbox .* was appended apart from its cause/,
  },
  "publishes only the first of several events": {
    file: "decide/steps/subscription.ts",
    from: "  for (const event of events) {\n    const after",
    to: "  for (const event of events.slice(0, 1)) {\n    const after",
    breaks: /promise outbox .* and not its event of/,
  },
  "answers a publisher before the event is kept": {
    file: "engine/embedded/publishing.ts",
    from: "  if (await commitAlone(core, stream.stream, fact, index)) tellTopic(core, topic);",
    to: `  commitAlone(core, stream.stream, fact, index).then(
    () => tellTopic(core, topic),
    () => {},
  );
  if (core.closing !== undefined) return;`,
    breaks: /promise intake .* was acknowledged, and is not in the journal/,
    faults: { crashBefore: 0.1, crash: 1 },
  },
  "forgets which events it has received": {
    file: "decide/receive.ts",
    from: "if (!mayGoOn(run) || run.bus?.ids.has(event.id) === true) return;",
    to: "if (!mayGoOn(run)) return;",
    breaks: /promise deliveries .* has the event .* more than once/,
    faults: { crash: 1, restart: 1 },
  },
  "begins another run of an event after a restart": {
    file: "engine/embedded/intake.ts",
    from: "const id = runIdFor(name, taken, event);",
    to: "const id = `${runIdFor(name, taken, event)}.${core.epoch}`;",
    breaks: /promise intake .* has begun \d runs/,
    faults: { crash: 1 },
  },
  "keeps a place that is beyond an event which has begun nothing": {
    file: "engine/embedded/intake.ts",
    from: "    if (generation === record.generation) at = Math.min(at, position - 1);",
    to: "    if (generation < record.generation) at = Math.min(at, position - 1);",
    breaks: /promise intake .* has begun no run/,
    faults: { restart: 1, crash: 0.8, pause: 0.6, slowDisk: 0.1 },
  },
  "handles deliveries of one key in any order": {
    file: "decide/bus.ts",
    from: "return line === undefined || run.bus?.lines.get(line)?.[0] === path;",
    to: "return line !== path;",
    breaks: /promise order .* which is of the same key/,
  },
  "makes a delivery of the wrong event": {
    file: "decide/bus.ts",
    from: "  const path = `${step.name}#${Math.max(...seqs)}`;",
    to: "  const path = `${step.name}#${Math.max(...seqs) - (seqs.length > 1 ? 1 : 0)}`;",
    breaks: /promise deliveries .* which no event leads to/,
  },
  "completes before all is delivered": {
    file: "decide/decide.ts",
    from: "return run.unsettledSteps === 0 && hasConcluded(run);",
    to: "return (run.bus?.end !== undefined || run.unsettledSteps === 0) && hasConcluded(run);",
    breaks: /promise deliveries .* completed without/,
  },
  "counts no hops": {
    file: "decide/steps/subscription.ts",
    from: "const hops = hopsTo(turn.run, delivery) + 1;",
    to: "const hops = hopsTo(turn.run, delivery);",
    breaks: /promise bounds .* hops and not/,
  },
  "forgets how long a gathering may take": {
    file: "decide/bus.ts",
    from: "  if (isFirst && dueAt !== undefined) run.timers.push(",
    to: "  if (isFirst && dueAt !== undefined && run.seq < 0) run.timers.push(",
    breaks: /promise 11 .* has not ended/,
  },
  "leaves what was under way when an event failed the run": {
    file: "decide/saga-history.ts",
    from: "if (fact.payload.topic === reading.definition.choreography?.failsOn?.name)",
    to: "if (fact.seq < 0)",
    breaks: /promise 6 .* stands, and should be undone/,
    faults: { cancel: 0, compensate: 0 },
  },
};
