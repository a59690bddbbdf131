/** A journal that is opened and closed where the store is in a bad way, or slow. */
import { virtualClock } from "baton/testing";
import { expect, it } from "vitest";
import { memory, type StoreFactory } from "../../index.ts";
import { sharedStore } from "./opened.ts";

const HERE = { readOnly: false, holder: "here" };

/** A store that is opened when the test says so. */
function slow(): { readonly factory: StoreFactory; readonly go: () => void } {
  const store = memory();
  let go = () => {};
  const gone = new Promise<void>((resolve) => {
    go = resolve;
  });
  const factory: StoreFactory = async (mode) => {
    await gone;
    return await store(mode);
  };
  return { factory, go: () => go() };
}

it("closes the store whose lease can't be given back, and says so", async () => {
  let isFull = true;
  const store = memory();
  let closed = 0;
  const shared = sharedStore(
    async (mode) => {
      const opened = await store(mode);
      return {
        ...opened,
        release: async (epoch) => {
          if (isFull) throw new Error("the disk is full");
          await opened.release(epoch);
        },
        close: async () => {
          closed += 1;
          await opened.close();
        },
      };
    },
    "default",
    virtualClock(),
  );
  await shared.open(HERE);
  await expect(shared.close()).rejects.toThrow("the disk is full");
  expect(closed).toBe(1);
  expect(shared.opened).toThrow(expect.objectContaining({ code: "STORE_CLOSED" }));
  isFull = false;
  await shared.open({ readOnly: true, holder: "here" });
  await shared.close();
  expect(closed).toBe(2);
});

it("is opened once, also where two open it at the same time", async () => {
  const { factory, go } = slow();
  const shared = sharedStore(factory, "default", virtualClock());
  const first = shared.open(HERE);
  const second = shared.open({ ...HERE, readOnly: true });
  go();
  await expect(second).rejects.toMatchObject({ code: "STORE_IN_USE" });
  await first;
  expect(shared.opened().epoch()).toBeGreaterThan(0);
  await shared.close();
});

it("can be opened again after it could not be opened", async () => {
  const store = memory();
  let fails = true;
  const shared = sharedStore(
    async (mode) => {
      if (fails) throw new Error("no such disk");
      return await store(mode);
    },
    "default",
    virtualClock(),
  );
  await expect(shared.open(HERE)).rejects.toThrow("no such disk");
  fails = false;
  await shared.open(HERE);
  await shared.close();
});
