/** What `npm start` says at its end, as text. */

function number(n) {
  return n.toLocaleString("en-US");
}

function counted(names) {
  const counts = new Map();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a);
}

function rows(counts, indent) {
  return counts.map(([name, n]) => `${indent}${number(n).padStart(5)}  ${name}`);
}

/** Whether a run failed; what it had done may have been undone since. */
function isFailed({ status }) {
  return status === "failed" || status === "compensated";
}

/** Where a run was refused: at the contract of the input or of a handoff, or at a rule that a step requires. */
function refusals(results) {
  return results.flatMap((result) => {
    const { status, step, violations = [], error } = result;
    if (status === "refused")
      return [...new Set(violations.map((each) => `the input: ${each.contract}`))];
    const [first] = error?.violations ?? [];
    if (!isFailed(result) || first === undefined) return [];
    const contract = first.contract === "requires" ? "" : `${first.contract}, `;
    return [`the handoff to ${step}: ${contract}${first.rule}`];
  });
}

/** Why lines of the file became no run. */
function unusable(results, { lines, summary }) {
  const malformed = results.filter(({ status }) => status === "malformed");
  const notJson = malformed.filter(({ error }) => error.includes("not JSON")).length;
  const empty = lines - summary.runs - malformed.length;
  const others = malformed.length - notJson - summary.conflicts;
  return [
    ["no JSON", notJson],
    ["empty", empty],
    ["no id", others],
    ["an id that another application has", summary.conflicts],
  ].filter(([, n]) => n > 0);
}

function nextSteps(results) {
  const waiting = results.find(({ status }) => status === "waiting");
  const refused = results.find((result) => isFailed(result) && result.step !== undefined);
  const approved = results.find(({ output }) => output?.decision === "approved");
  const run = (waiting ?? approved)?.id;
  const steps = [
    ["show", run, "", "its steps, and what it waits for"],
    ["lineage", run, " approval", "from the decision to the application"],
    ["state", run, " --at 2", "what was known at version 2"],
    ["diff", run && `${run}@3 ${run}`, "", "what changed since version 3"],
    ["graph --run", run, "", "how far it came"],
    ["approve", waiting?.id, " sign-off", "be the person that it waits for"],
    ["show", refused?.id, "", "a refused handoff, why, and what was undone"],
    ["replay", approved?.id, "", "does today's code decide the same?"],
    ["runs --status waiting", "", "", "all that wait"],
  ].filter(([, target]) => target !== undefined);
  const commands = steps.map(([command, target, rest]) =>
    `npx baton ${command} ${target}${rest}`.trimEnd(),
  );
  const width = Math.max(...commands.map((command) => command.length));
  return commands.map((command, i) => `  ${command.padEnd(width)}  # ${steps[i]?.[3]}`);
}

function verdict(report) {
  const checked = `${number(report.runs)} runs, ${number(report.entries)} entries, ${number(report.commits)} commits`;
  if (report.problems.length === 0) {
    return [`Verified      ${checked}: nothing was changed, removed, added or moved`];
  }
  const [first] = report.problems;
  return [
    `NOT VERIFIED  ${report.problems.length} problems in ${checked}`,
    `              ${first.message}`,
    "              npx baton verify",
  ];
}

/**
 * The end of `npm start`.
 * @param about.summary what `baton run --json` ends with; `about.results` its other lines; `about.lines` of the file;
 *   `about.report` what `baton verify --json` prints.
 */
export function conclusion({ summary, results, lines, report }) {
  const { statuses, outputs = {}, found } = summary;
  const refusedAt = counted(refusals(results));
  const refused = refusedAt.reduce((sum, [, n]) => sum + n, 0);
  const failed = counted(
    results
      .filter((result) => isFailed(result) && (result.error.violations ?? []).length === 0)
      .map(({ step, error }) => `${step ?? "the run"}: ${error.code}`),
  );
  const without = unusable(results, { lines, summary });
  const total = (counts) => counts.reduce((sum, [, n]) => sum + n, 0);
  const section = (title, n, parts) => [
    `${title.padEnd(14)}${number(n).padStart(5)}`,
    ...rows(parts, "              "),
  ];
  return [
    ...section("Decided", statuses.completed ?? 0, Object.entries(outputs)),
    ...section("Waiting", statuses.waiting ?? 0, []).map(
      (line) => `${line}  for a person's sign-off`,
    ),
    ...section("Refused", refused, refusedAt),
    ...section("Failed", total(failed), failed),
    ...undone(statuses),
    ...(without.length === 0 ? [] : section("No run", total(without), without)),
    "",
    `Throughput    ${throughput(summary)}`,
    ...(found > 0
      ? [
          `Taken up      ${number(found)} runs; no sealed step ran again. Anew: npm start -- --fresh`,
        ]
      : []),
    ...verdict(report),
    "",
    "Next, from this folder:",
    ...nextSteps(results),
  ].join("\n");
}

/** Runs that went back: they are counted above, under why. */
function undone({ compensated = 0, parked = 0 }) {
  const line = (title, n, what) =>
    n === 0 ? [] : [`${title.padEnd(14)}${number(n).padStart(5)}  ${what}`];
  return [
    ...line("Undone", compensated, "of these: what they had done was compensated"),
    ...line("Parked", parked, "runs that a person must help: npx baton dead-letters"),
  ];
}

function throughput({ runs, tookMs, found }) {
  const seconds = tookMs / 1_000;
  if (found === runs)
    return `${number(runs)} runs looked up in ${seconds.toFixed(1)} s: all were there already`;
  const rate = Math.round((runs - found) / Math.max(seconds, 0.001));
  return `${number(runs - found)} runs in ${seconds.toFixed(1)} s: ${number(rate)} a second, each step synced to disk`;
}
