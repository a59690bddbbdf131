import { expect, test } from "vitest";
import { PARAMETERS } from "./parameters.ts";
import { type Fate, OPERATIONS, type Scenario } from "./plan.ts";
import { type Caller, openWorld, Refused } from "./world.ts";

// A record with a number for each name is what mapping the names gives.
const callMs = Object.fromEntries(OPERATIONS.map((name) => [name, 100])) as Fate["callMs"];
const fate = (scenario: Scenario): Fate => ({
  ...{ id: "o", amount: 100, scenario, callMs, comesBack: false },
});

function caller(): Caller {
  let nowMs = 0;
  return {
    time: {
      now: () => nowMs,
      pass: async (ms) => {
        nowMs += ms;
        await Promise.resolve();
      },
    },
    die: () => Promise.reject(new Error("not in this test")),
  };
}

test("the same key acts once, and is answered the same, also after it was undone", async () => {
  const world = openWorld(fate("smooth"), PARAMETERS);
  const me = caller();
  const charge = await world.call(me, "charge", "k");
  expect(await world.call(me, "charge", "k")).toBe(charge);
  expect(world.facts()).toMatchObject({ charges: 1, calls: 2 });
  await world.call(me, "refund", "r", charge);
  await world.call(me, "refund", "r", charge);
  expect(world.facts()).toMatchObject({ charges: 0, refunds: 1 });
  expect(await world.call(me, "charge", "k")).toBe(charge);
  expect(world.facts().charges).toBe(0);
  expect(await world.chargeOf(me, "k")).toBe(charge);
  expect(await world.chargeOf(me, "another")).toBeUndefined();
});

test("without keys each call of the payment provider charges", async () => {
  const world = openWorld(fate("smooth"), { ...PARAMETERS, paymentKeys: false });
  const me = caller();
  await world.call(me, "charge", "k");
  await world.call(me, "charge", "k");
  await world.call(me, "reserve", "s");
  await world.call(me, "reserve", "s");
  expect(world.facts()).toMatchObject({ charges: 2, reservations: 1 });
});

test("a declined card stays declined; a slot may become free", async () => {
  const declined = openWorld(fate("cardDeclined"), PARAMETERS);
  const me = caller();
  for (const _ of [1, 2])
    await expect(declined.call(me, "charge", "k")).rejects.toBeInstanceOf(Refused);
  const full = openWorld(fate("noSlot"), PARAMETERS);
  await expect(full.call(me, "book", "k")).rejects.toBeInstanceOf(Refused);
  await me.time.pass(PARAMETERS.awayMs);
  await full.call(me, "book", "k");
  expect(full.facts().bookings).toBe(1);
});
