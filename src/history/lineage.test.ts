import { describe, expect, it } from "vitest";
import { journalOf, sealed, started } from "../../test/support/journal-builder.ts";
import { kitchenSink, SINK_INPUT, SINK_PLAY } from "../../test/support/kitchen-sink.ts";
import { play } from "../../test/support/played-run.ts";
import { LINEAGE_ITEMS_MAX, lineageOf } from "./lineage.ts";

describe("lineageOf", () => {
  const { entries } = play(kitchenSink(), SINK_INPUT, SINK_PLAY);

  it("follows a value back to the input, in order of sealing, without what did not lead to it", () => {
    const { nodes, key } = lineageOf(entries, "letter");
    expect(key).toBe("letter");
    expect(nodes.map((node) => node.key).sort()).toEqual([
      "income",
      "input",
      "letter",
      "risk",
      "score",
    ]);
    expect(nodes.map(({ version }) => version)).toEqual(
      nodes.map(({ version }) => version).sort((a, b) => a - b),
    );
    expect(nodes[0]).toMatchObject({ key: "input", version: 0, value: SINK_INPUT });
    expect(nodes.at(-1)).toMatchObject({
      key: "letter",
      agent: "letterer@1.0.0",
      case: "yes",
      value: 'Dear "A"',
    });
  });

  it("names the turn that was read, not the one that was sent back", () => {
    const { nodes } = lineageOf(entries, "risk");
    expect(nodes.filter(({ key }) => key === "score")).toMatchObject([
      { turn: 1, value: { score: 750 } },
    ]);
    const score = nodes.find(({ key }) => key === "score");
    expect(nodes.at(-1)?.reads).toContainEqual({
      key: "score",
      version: score?.version,
      seq: score?.seq,
    });
  });

  it("says who decided, and which items and rounds there were", () => {
    const { nodes } = lineageOf(entries, "approval");
    expect(nodes.at(-1)).toMatchObject({ key: "approval", by: { kind: "person", id: "ada" } });
    const refine = nodes.find(({ key }) => key === "refine");
    expect(refine?.items).toMatchObject({
      count: 3,
      first: [{ path: "refine#0", agent: "refiner@1.0.0" }, {}, {}],
    });
    expect(lineageOf(entries, "archived").nodes.at(-1)?.run).toBe("r1/archived");
  });

  it("keeps the items of a wide map to the first hundred", () => {
    const documents = Array.from({ length: LINEAGE_ITEMS_MAX + 5 }, (_, index) => index);
    const wide = play(kitchenSink(), { ...SINK_INPUT, documents });
    const items = lineageOf(wide.entries, "checks").nodes.at(-1)?.items;
    expect(items?.count).toBe(LINEAGE_ITEMS_MAX + 5);
    expect(items?.first).toHaveLength(LINEAGE_ITEMS_MAX);
  });

  it("takes a place within a value for the value's lineage", () => {
    for (const place of ["risk/grade", "/risk/grade"]) {
      expect(lineageOf(entries, place)).toMatchObject({ key: "risk", pointer: "/grade" });
    }
    expect(lineageOf(entries, "risk/grade").nodes).toEqual(lineageOf(entries, "risk").nodes);
  });

  it("answers for the version that was asked for", () => {
    const run = journalOf([
      started(1),
      sealed("a", 1, { input: 0 }),
      sealed("a", 2, { input: 0 }, { turn: 1 }),
    ]);
    expect(lineageOf(run.entries, "a", 1).nodes.at(-1)).toMatchObject({ value: 1, version: 1 });
    expect(lineageOf(run.entries, "a").nodes.at(-1)).toMatchObject({
      value: 2,
      version: 2,
      turn: 1,
    });
    expect(() => lineageOf(run.entries, "a", 0)).toThrow(
      expect.objectContaining({ code: "ARGUMENT_INVALID" }),
    );
  });
});
