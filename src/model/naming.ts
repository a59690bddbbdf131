/** What names and versions look like. */

/** Longer names would not fit where names are shown, and paths are made of them. */
const NAME_LENGTH_MAX = 100;

/** Agents and workflows: lower case, with digits, dashes, and dots between catalog, schema and name. */
export function isAgentName(name: unknown): boolean {
  return (
    typeof name === "string" && name.length <= NAME_LENGTH_MAX && /^[a-z][a-z0-9.-]*$/.test(name)
  );
}

/**
 * Steps: letters, digits, dashes and underscores, so that a name can be a property (`({ riskGrade }) => ...`). Brackets, `#`
 * and `/` are what paths are made of: `checks[3]`, `refine#2`, `run/step`.
 */
export function isStepName(name: unknown): boolean {
  return (
    typeof name === "string" &&
    name.length <= NAME_LENGTH_MAX &&
    /^[a-zA-Z][a-zA-Z0-9_-]*$/.test(name)
  );
}

/** A semantic version without labels: `1.2.0`. */
export function isVersion(version: unknown): boolean {
  return typeof version === "string" && /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$/.test(version);
}

/** Which of two semantic versions is newer: above 0 the first, below 0 the second, 0 neither. */
export function compareVersions(one: string, other: string): number {
  const [a, b] = [one.split(".").map(Number), other.split(".").map(Number)];
  for (const [i, part] of a.entries()) if (part !== (b[i] ?? 0)) return part - (b[i] ?? 0);
  return 0;
}
