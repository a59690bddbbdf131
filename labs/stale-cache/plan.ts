/** The plan of one seed: for each application when it comes, how long everything takes, and which faults hit it. */
import type { Application } from "../../examples/credit-decision/application.ts";
import { type CreditReport, SCORE_MIN } from "../../examples/credit-decision/bureau.ts";
import { dayOf, daysBefore } from "../../examples/credit-decision/calendar.ts";
import { type Random, seededRandom } from "../../examples/credit-decision/random.ts";
import { gradeOf } from "../../examples/credit-decision/risk.ts";
import { AGENT_NAMES, type AgentName, type Parameters, type Range } from "./parameters.ts";
import { type Truth, truthOf } from "./questions.ts";

/** What happens to one application, whatever handles it. */
export interface Fate {
  readonly application: Application;
  readonly truth: Truth;
  /** From the beginning of the lab. */
  readonly arrivesAtMs: number;
  /** The score on file from an earlier inquiry. */
  readonly earlier?: CreditReport;
  /** When the calculator on the form last showed a rate. */
  readonly rateShownAtMs: number;
  /** Which replica of the risk service the customer is routed to. */
  readonly replica: number;
  readonly workMs: Readonly<Record<AgentName, number>>;
  readonly readMs: number;
  readonly writeMs: number;
  readonly messageMs: number;
  /** Whether the invalidation of the score can't be published the first and the second time. */
  readonly publishFails: readonly [boolean, boolean];
  readonly bureauFails: boolean;
  readonly answerLost: boolean;
  readonly deliveredTwice: boolean;
}

/** Everything that one seed decides. The variants are given the same plan, and take from it what concerns them. */
export interface Plan {
  readonly seed: number;
  readonly parameters: Parameters;
  readonly fates: readonly Fate[];
  /** Replicas that hear no invalidation. */
  readonly deaf: ReadonlySet<number>;
  /** The journal's appends, counted from 1 over all processes, at which the process is killed. */
  readonly killsAt: ReadonlySet<number>;
}

/** About so many appends an application costs Baton: kills are spread over that. */
const APPENDS_EACH = 6;

/** The same seed gives the same plan on every machine; the order of the draws is part of it. */
export function planOf(
  applications: readonly Application[],
  seed: number,
  parameters: Parameters,
): Plan {
  const random = seededRandom(seed);
  const killsAt = new Set<number>();
  const appends = applications.length * APPENDS_EACH;
  for (let kill = 0; kill < parameters.kills; kill += 1) killsAt.add(random.whole(1, appends));
  let nowMs = parameters.rateShownBeforeMs.high;
  const fates = applications.map((application) => {
    nowMs += within(random, parameters.arrivalGapMs);
    return fateOf(random, parameters, application, nowMs);
  });
  // Which replica is the deaf one changes nothing: the customers are spread over all alike.
  const deaf = new Set(Array.from({ length: parameters.deafReplicas }, (_, replica) => replica));
  return { seed, parameters, fates, deaf, killsAt };
}

function fateOf(
  random: Random,
  parameters: Parameters,
  application: Application,
  arrivesAtMs: number,
): Fate {
  const truth = truthOf(application);
  const earlier = earlierReport(random, parameters, application, truth.score);
  const rateShownAtMs = arrivesAtMs - within(random, parameters.rateShownBeforeMs);
  const replica = random.whole(0, parameters.riskReplicas - 1);
  // A record with a number for each name is what mapping the names gives.
  const workMs = Object.fromEntries(
    AGENT_NAMES.map((name) => [name, within(random, parameters.workMs[name])]),
  ) as Record<AgentName, number>;
  return {
    application,
    truth,
    arrivesAtMs,
    ...(earlier === undefined ? {} : { earlier }),
    rateShownAtMs,
    replica,
    workMs,
    readMs: within(random, parameters.readMs),
    writeMs: within(random, parameters.writeMs),
    messageMs: within(random, parameters.messageMs),
    publishFails: [
      random.chance(parameters.publishFailsPercent),
      random.chance(parameters.publishFailsPercent),
    ],
    bureauFails: random.chance(parameters.bureauFailsPercent),
    answerLost: random.chance(parameters.answerLostPercent),
    deliveredTwice: random.chance(parameters.deliveredTwicePercent),
  };
}

/** Drawn whether it is kept or not, so that another share of customers on file leaves all other draws as they are. */
function earlierReport(
  random: Random,
  { onFilePercent, scoreRise, earlierDays }: Parameters,
  { receivedAt }: Application,
  report: CreditReport,
): CreditReport | undefined {
  const onFile = random.chance(onFilePercent);
  const score = Math.max(SCORE_MIN, report.score - within(random, scoreRise));
  const scoreDate = daysBefore(dayOf(receivedAt), within(random, earlierDays));
  return onFile ? { ...report, score, scoreDate } : undefined;
}

function within(random: Random, { low, high }: Range): number {
  return random.whole(low, high);
}

/**
 * The application that is told in full: one that (a) gets wrong, as near as there is to the story, where 680 became 750 and was
 * read half a second later.
 */
export function storyOf({ fates, deaf }: Plan): Fate | undefined {
  const far = ({ earlier, truth, workMs }: Fate) =>
    Math.abs((earlier?.score ?? 0) - 680) +
    Math.abs(truth.score.score - 750) +
    Math.abs(workMs.income - workMs.score - 300) / 10;
  return fates
    .filter(({ replica, earlier, truth: { risk }, bureauFails, answerLost }) => {
      if (earlier === undefined || !deaf.has(replica) || bureauFails || answerLost) return false;
      const { debtToIncome } = risk;
      return gradeOf({ score: earlier.score, debtToIncome }) !== risk.grade;
    })
    .reduce<Fate | undefined>(
      (best, fate) => (best === undefined || far(fate) < far(best) ? fate : best),
      undefined,
    );
}
