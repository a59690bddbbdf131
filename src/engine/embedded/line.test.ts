import fc from "fast-check";
import { expect, test } from "vitest";
import { line } from "./line.ts";

test("whoever came first is served first, however many come and go", () => {
  const happening = fc.oneof(
    fc.record({ kind: fc.constant("push" as const), times: fc.nat(3_000) }),
    fc.record({ kind: fc.constant("shift" as const), times: fc.nat(3_000) }),
    fc.constant({ kind: "clear" as const, times: 1 }),
  );
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 12 }), (happenings) => {
      const here = line<number>();
      let model: number[] = [];
      let next = 0;
      for (const { kind, times } of happenings) {
        for (let i = 0; i < times; i += 1) {
          if (kind === "push") {
            model.push(next);
            here.push(next);
            next += 1;
          } else if (kind === "shift") {
            expect(here.shift()).toBe(model.shift());
          } else {
            model = [];
            here.clear();
          }
        }
        expect(here.size()).toBe(model.length);
      }
    }),
    { numRuns: 50 },
  );
});
