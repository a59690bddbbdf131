import fc from "fast-check";
import { expect, test } from "vitest";
import { line, type Place } from "./line.ts";

test("a line serves as a list would, whoever joins, leaves and comes in between", () => {
  const act = fc.record({
    what: fc.constantFrom("join", "join", "between", "leave", "next"),
    who: fc.integer({ min: 0, max: 20 }),
  });
  fc.assert(
    fc.property(fc.array(act), (acts) => {
      const tested = line<number>();
      let model: Place<number>[] = [];
      const places: Place<number>[] = [];
      for (const { what, who } of acts) {
        if (what === "join") {
          const place = tested.join(who);
          model.push(place);
          places.push(place);
        } else if (what === "between") {
          const place = tested.join(who, (other) => other > who);
          const at = model.findIndex((other) => other.who > who);
          model.splice(at < 0 ? model.length : at, 0, place);
          places.push(place);
        } else if (what === "leave") {
          const place = places[who];
          if (place === undefined) continue;
          expect(tested.leave(place)).toBe(model.includes(place));
          model = model.filter((other) => other !== place);
        } else expect(tested.next()).toBe(model.shift()?.who);
        expect(tested.size()).toBe(model.length);
      }
      const left: number[] = [];
      for (let place = tested.first(); place !== undefined; place = place.after)
        left.push(place.who);
      expect(left).toEqual(model.map(({ who }) => who));
      tested.clear();
      expect([tested.size(), tested.next()]).toEqual([0, undefined]);
    }),
  );
});
