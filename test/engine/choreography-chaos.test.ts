/** Choreographies made by chance, published to twice, paused and rewound, in processes that die: what must hold of each run holds. */
import {
  type Baton,
  choreography,
  contract,
  type Entry,
  memory,
  on,
  open,
  type StoreFactory,
  topic,
} from "baton";
import { countedIds, faultyStore, VIRTUAL_START_MS, virtualClock } from "baton/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { ADA, agentOf, entriesOf } from "../support/opened.ts";

const Num = contract("num", "1.0.0", z.int());
const TOPICS = [
  topic("t0", Num),
  topic("t1", Num, { key: (n) => `k${n % 2}` }),
  topic("t2", Num),
  topic("t3", Num),
] as const;
const STOP = topic("stop", Num);
const NAME = "c";
const BY = { by: ADA, reason: "by chance" };

/** One subscription: from which topic, to which, and how it goes wrong. */
const subscription = fc.record({
  from: fc.nat(3),
  to: fc.array(fc.nat(3), { maxLength: 2 }),
  kind: fc.constantFrom("plain", "slow", "shaky", "broken", "picky", "stopping"),
  policy: fc.constantFrom("skip", "fail"),
});
type Spec = typeof subscription extends fc.Arbitrary<infer X> ? readonly X[] : never;

/** What a subscription publishes for an output: a loop is cut by its numbers, or by the limit of hops. */
function publications({ to, kind }: Spec[number], output: number): readonly [string, number][] {
  const all: [string, number][] = [];
  for (const [i, t] of to.entries())
    if ((output + i) % 3 > 0) all.push([`t${t}`, (output * 2 + t) % 97]);
  if (kind === "stopping" && output % 7 === 0) all.push(["stop", output]);
  return all;
}

function made(spec: Spec) {
  const subscriptions: Record<string, ReturnType<typeof subscribed>> = {};
  // What nobody publishes can't be subscribed to.
  const reached = new Set([0, 1]);
  for (const _ of spec)
    for (const { from, to } of spec) if (reached.has(from)) for (const t of to) reached.add(t);
  for (const [i, each] of spec.entries())
    if (reached.has(each.from)) subscriptions[`s${i}`] = subscribed(each, i);
  subscriptions["first"] = subscribed(FIRST, 99);
  return choreography(NAME, "1.0.0", {
    starts: TOPICS[0],
    failsOn: STOP,
    hops: 4,
    deadline: "5h",
    from: "beginning",
    subscriptions,
  });
}

const FIRST: Spec[number] = { from: 0, to: [1], kind: "plain", policy: "skip" };

function subscribed(spec: Spec[number], i: number) {
  const { from, kind, policy } = spec;
  const agent = {
    ...agentOf<number, number>(
      `a${i}`,
      async (n, { attempt }) => {
        if (kind === "slow") await new Promise((next) => setImmediate(next));
        if (kind === "shaky" && attempt === 1 && n % 2 === 0) throw new Error("not yet");
        if (kind === "broken" && n % 5 === 0) throw new Error("never");
        return n + 1;
      },
      { attempts: 2 },
    ),
    ...(i % 2 === 0 ? { compensate: () => undefined } : {}),
  };
  const data = (name: string, nth: number) => (output: number) => {
    const all = publications(spec, output);
    return all.filter(([each]) => each === name)[nth]?.[1];
  };
  const targets = [...new Set(spec.to)].flatMap((t) => {
    const times = spec.to.filter((each) => each === t).length;
    return Array.from({ length: times }, (_, nth) => ({ topic: TOPICS[t] ?? STOP, nth }));
  });
  return on(TOPICS[from] ?? STOP, agent, {
    input: ({ event }) => event,
    requires: { "it is wanted": ({ event }) => kind !== "picky" || event % 3 !== 1 },
    onRefused: "skip",
    onFailure: policy,
    publishes: [
      ...targets.map(({ topic: to, nth }) => ({ topic: to, data: data(to.name, nth) })),
      { topic: STOP, data: data("stop", 0) },
    ],
  });
}

const byTopic = (a: readonly [string, number], b: readonly [string, number]) =>
  a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] - b[1];

function said(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** What must hold of the journal of one run. */
function check(run: string, spec: Spec, entries: readonly Entry[]): void {
  const events = new Map<number, { readonly topic: string; readonly key: string }>();
  const settled = new Map<string, number>();
  for (const [at, { kind, path = "", payload, seq, causation }] of entries.entries()) {
    if (kind === "event.published" || kind === "event.received") {
      events.set(seq, { topic: said(payload["topic"]), key: said(payload["key"]) });
      if (kind === "event.received") continue;
      // No event without its cause, which is in the same journal, before it.
      const cause = entries[causation?.seq ?? -1];
      expect([cause?.kind, cause?.path], `${run} ${seq}`).toEqual(["step.sealed", path]);
    }
    if (kind !== "step.sealed" && kind !== "step.skipped") continue;
    expect(settled.has(path), `${run} ${path} is settled once`).toBe(false);
    settled.set(path, seq);
    const [name = "", event = ""] = path.split("#");
    const own = name === "first" ? FIRST : spec[Number(name.slice(1))];
    if (own === undefined) throw new Error(`There is no ${name}.`);
    expect(events.get(Number(event))?.topic, `${run} ${path}`).toBe(`t${own.from}`);
    if (kind === "step.skipped") continue;
    const told: [string, number][] = [];
    let isCut = false;
    for (const next of entries.slice(at + 1)) {
      if (next.path !== path || !next.kind.startsWith("event.")) break;
      if (next.kind === "event.refused") isCut = true;
      else told.push([said(next.payload["topic"]), Number(next.payload["data"])]);
    }
    const wanted = publications(own, Number(payload["output"]));
    // No cause without its events, and nothing else.
    if (isCut) expect(told.length).toBeLessThan(wanted.length);
    else expect(told.sort(byTopic), `${run} ${path}`).toEqual([...wanted].sort(byTopic));
  }
  const lines = new Map<string, number>();
  for (const [seq, { topic: name, key }] of events) {
    for (const [i, own] of [...spec.entries(), [-1, FIRST] as const]) {
      const step = i < 0 ? "first" : `s${i}`;
      if (`t${own.from}` !== name) continue;
      const at = settled.get(`${step}#${seq}`);
      if (entries.at(-1)?.kind === "run.completed")
        expect(at, `${run} ${step}#${seq}`).toBeDefined();
      if (name !== "t1" || at === undefined) continue;
      const line = `${step} ${key}`;
      expect(at, `${run}: the order of ${line}`).toBeGreaterThan(lines.get(line) ?? -1);
      lines.set(line, at);
    }
  }
}

const chances = fc.record({
  spec: fc.array(subscription, { minLength: 1, maxLength: 5 }),
  numbers: fc.array(fc.nat(50), { minLength: 1, maxLength: 6 }),
  crashes: fc.array(fc.tuple(fc.nat(60), fc.boolean()), { maxLength: 2 }),
  operator: fc.constantFrom("none", "pauses", "rewinds"),
});

async function life(
  store: StoreFactory,
  { spec, numbers, operator }: typeof chances extends fc.Arbitrary<infer X> ? X : never,
  crash: readonly [number, boolean] | undefined,
  startMs: number,
): Promise<{ readonly nowMs: number; readonly isDead: boolean }> {
  const faulty = faultyStore(store, (n) =>
    crash === undefined || n !== crash[0] + 3 ? "commit" : crash[1] ? "crashAfter" : "crashBefore",
  );
  const clock = virtualClock(startMs);
  const work = async () => {
    const ids = countedIds(0, `id-${startMs}`);
    const baton = await open({ store: faulty.factory, workflows: [made(spec)], clock, ids });
    const publishing = [...numbers, ...numbers].map((n, i) =>
      baton.publish(TOPICS[0], n, { id: `e${i % numbers.length}` }),
    );
    if (operator === "pauses") await baton.pauseSubscription(NAME, BY);
    if (operator === "rewinds") await baton.rewindSubscription(NAME, BY);
    await Promise.all(publishing);
    if (operator === "pauses") await baton.resumeSubscription(NAME, BY);
    await ended(baton);
    await baton.close({ graceMs: 0 });
  };
  const ended = async (baton: Baton) => {
    for (let minutes = 0; ; minutes += 1) {
      await new Promise<void>((resolve) => clock.after(60_000, resolve));
      const [taking] = await baton.subscriptions();
      const open_ = (await baton.runs({ limit: 1_000 })).filter(
        ({ status }) => status === "running" || status === "waiting" || status === "compensating",
      );
      if (taking?.lag === 0 && open_.length === 0) return;
      if (minutes > 30) throw new Error(`${open_.map(({ id }) => id).join()} did not end.`);
    }
  };
  await clock.until(Promise.race([work(), faulty.crashed]));
  return { nowMs: clock.now(), isDead: faulty.isDead() };
}

test("whatever happens, each event follows from its cause and each cause has its events, once, in the order of keys", async () => {
  await fc.assert(
    fc.asyncProperty(chances, async (chance) => {
      const store = memory();
      let nowMs = VIRTUAL_START_MS;
      for (const crash of [...chance.crashes, undefined])
        ({ nowMs } = await life(store, chance, crash, nowMs + 60_000));
      const clock = virtualClock(nowMs);
      const baton = await clock.until(open({ store, workflows: [], readOnly: true }));
      const begun = new Set<string>();
      for (const { id } of await clock.until(baton.runs({ limit: 1_000 }))) {
        begun.add(id.replace(/~\d+$/, ""));
        check(id, chance.spec, await clock.until(entriesOf(baton, id)));
      }
      // Each event from outside has begun its run.
      const expected = chance.numbers.map((_, n) => `e${n}/${NAME}`);
      expect([...begun].sort((a, b) => (a < b ? -1 : 1))).toEqual(expected);
      expect((await clock.until(baton.verify())).problems).toEqual([]);
      await baton.close();
    }),
    { numRuns: 150, interruptAfterTimeLimit: 60_000, endOnFailure: true },
  );
}, 120_000);
