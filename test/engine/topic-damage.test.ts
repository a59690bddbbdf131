/** What is changed in the index of topics, in the file of a closed store: `verify` names the event. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agent, choreography, contract, on, open, topic } from "baton";
import { sqlite } from "baton/sqlite";
import SqliteDatabase from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";

const Text = contract("text", "1.0.0", z.object({ text: z.string() }));
const Asked = topic("asked", Text);
const Answered = topic("answered", Text);
const echo = agent({
  name: "echo",
  version: "1.0.0",
  input: Text,
  output: Text,
  execute: (given) => given,
});
const answers = choreography("answers", "1.0.0", {
  starts: Asked,
  ends: Answered,
  deadline: "10m",
  subscriptions: { echo: on(Asked, echo, { publishes: Answered }) },
});

describe("promise 1: verify finds what was changed in the index of topics", () => {
  let folder: string;
  let file: string;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "baton-topics-"));
    file = join(folder, "baton.db");
    const baton = await open({ store: sqlite(file), workflows: [answers] });
    for (const id of ["a", "b", "c"])
      await (await baton.start(answers, { text: id }, { id })).result();
    await baton.close();
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function tamper(sql: string): void {
    const database = new SqliteDatabase(file);
    const triggers = database
      .prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
      .pluck()
      .all();
    for (const name of triggers) database.exec(`DROP TRIGGER ${name}`);
    database.exec(sql);
    database.close();
  }

  async function problems(run?: string) {
    const baton = await open({ store: sqlite(file), workflows: [answers], readOnly: true });
    try {
      return (await baton.verify(run === undefined ? {} : { run })).problems;
    } finally {
      await baton.close();
    }
  }

  const at = (stream: string, seq: number) =>
    `(SELECT position FROM entries JOIN streams ON no = stream_no WHERE name = '${stream}' AND seq = ${seq})`;
  const label = (name: string) => `(SELECT no FROM labels WHERE label = 'topic/${name}')`;

  test("finds nothing in a sound store, whole or run by run", async () => {
    expect(await problems()).toEqual([]);
    expect(await problems("b")).toEqual([]);
  });

  test("finds an event that its topic no longer leads to", async () => {
    tamper(`DELETE FROM labelled WHERE position = ${at("run/b", 3)}`);
    const problem = { kind: "index", stream: "run/b", seq: 3 };
    expect(await problems()).toMatchObject([problem]);
    expect(await problems("b")).toMatchObject([problem]);
    expect(await problems("a")).toEqual([]);
  });

  test("finds the newest event of a topic, and a topic that is gone whole", async () => {
    tamper(
      `DELETE FROM labelled WHERE label_no = ${label("answered")}; DELETE FROM labels WHERE label = 'topic/answered'`,
    );
    expect(await problems()).toMatchObject(
      ["run/a", "run/b", "run/c"].map((stream) => ({ kind: "index", stream, seq: 3 })),
    );
  });

  test.each([
    ["between others", "asked", "run/b", 2],
    ["after all others", "asked", "run/c", 4],
    ["of another topic", "asked", "run/a", 3],
    ["of a topic that has no events", "invented", "run/a", 3],
  ])("finds what a topic leads to that is no event of it: %s", async (_, name, stream, seq) => {
    tamper(`INSERT OR IGNORE INTO labels (namespace, label) VALUES ('default', 'topic/${name}');
      INSERT INTO labelled (label_no, position) VALUES (${label(name)}, ${at(stream, seq)})`);
    expect(await problems()).toMatchObject([{ kind: "index", stream, seq }]);
  });
});
