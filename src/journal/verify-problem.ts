/** What a verification found. */

export interface VerifyProblem {
  readonly stream?: string;
  readonly seq?: number;
  readonly commitNo?: number;
  readonly kind:
    | "changed"
    | "missing"
    | "added"
    | "reordered"
    | "commit"
    | "blob"
    | "index"
    | "format";
  readonly message: string;
}

/** After so many problems, looking on tells nothing more. */
const PROBLEMS_MAX = 1_000;

export interface Findings {
  /** Notes a problem, unless one of the same kind was noted for the same place. */
  add(problem: VerifyProblem): void;
  /** Whether a problem of this stream was noted. */
  has(stream: string): boolean;
  /** Whether to stop looking. */
  full(): boolean;
  problems(): readonly VerifyProblem[];
}

/** An empty list of findings. */
export function findings(): Findings {
  const byPlace = new Map<string, VerifyProblem>();
  return {
    add(problem) {
      const { kind, stream = "", seq = "", commitNo = "" } = problem;
      // Where there is no place, the message tells problems apart.
      const place = [kind, stream, seq, commitNo, stream === "" ? problem.message : ""].join("\n");
      if (byPlace.size < PROBLEMS_MAX && !byPlace.has(place)) byPlace.set(place, problem);
    },
    has: (stream) => [...byPlace.values()].some((problem) => problem.stream === stream),
    full: () => byPlace.size >= PROBLEMS_MAX,
    problems: () => [...byPlace.values()],
  };
}
