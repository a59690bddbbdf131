/**
 * What the lab assumes, in one place, each with its reason. Nothing here was fitted to a result: change one and look.
 *
 * The rate of wrong ratings in (a) is the product of three of them: an older score is on file, the replica that rates is the
 * one that hears no invalidations, and the newer score would have given another grade.
 */
export interface Parameters {
  /**
   * Replicas of the risk service, each with a cache of its own in its process. Two is what "highly available" means in most
   * deployments; customers are routed to one of them by their id, so that its cache is warm.
   */
  readonly riskReplicas: number;
  /**
   * Replicas whose subscription to the invalidations is half-open: the connection looks alive, nothing arrives. Nobody notices,
   * because a subscriber that gets nothing looks like one for whom there is nothing.
   */
  readonly deafReplicas: number;
  /** Of a hundred publishings of an invalidation, how many fail with an error. They are retried once. */
  readonly publishFailsPercent: number;
  /** How long an entry of the cache lives. Much shorter, and the rate calculator asks the database at each key stroke. */
  readonly cacheTtlMs: number;
  /**
   * Applicants with a score on file from an earlier inquiry, in percent: the lender lends to its own customers. The calculator on
   * the application form shows them a rate from that score, which is what brings it into the cache.
   */
  readonly onFilePercent: number;
  /** When the calculator was last used, before the application is sent: the last look at the rate, then the button. */
  readonly rateShownBeforeMs: Range;
  /**
   * By how many points the score has risen since the earlier inquiry. People ask for a loan when their score has become better;
   * the story's customer went from 680 to 750.
   */
  readonly scoreRise: Range;
  /** How old the earlier inquiry is. */
  readonly earlierDays: Range;

  /** Between two applications. */
  readonly arrivalGapMs: Range;
  /** How long each agent works. The bureau is a service outside; the others call a model or a rule engine. */
  readonly workMs: Readonly<Record<AgentName, Range>>;
  /** One query of the database, over the network of a data centre. */
  readonly readMs: Range;
  /** One committed write; for Baton, one append to the journal. */
  readonly writeMs: Range;
  /** One message from service to service. */
  readonly messageMs: Range;

  /** Faults that hit all variants alike, in percent of the applications. */
  readonly bureauFailsPercent: number;
  /** The score's write is committed, but the answer is lost: the writer sees an error and writes again. */
  readonly answerLostPercent: number;
  /** The application is delivered a second time. */
  readonly deliveredTwicePercent: number;
  /** The process dies so often, in the middle of an append (simulated: its store falls silent), and another one starts. Only Baton gets this one. */
  readonly kills: number;
}

/** Whole numbers from `low` to `high`, both included, each as likely. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

export const AGENT_NAMES = ["score", "income", "fraud", "risk", "approval"] as const;
export type AgentName = (typeof AGENT_NAMES)[number];

export const PARAMETERS: Parameters = {
  riskReplicas: 2,
  deafReplicas: 1,
  publishFailsPercent: 2,
  cacheTtlMs: 300_000,
  onFilePercent: 95,
  rateShownBeforeMs: { low: 2_000, high: 60_000 },
  scoreRise: { low: 40, high: 100 },
  earlierDays: { low: 90, high: 400 },
  arrivalGapMs: { low: 40, high: 120 },
  workMs: {
    score: { low: 250, high: 900 },
    income: { low: 120, high: 600 },
    fraud: { low: 80, high: 400 },
    risk: { low: 40, high: 120 },
    approval: { low: 30, high: 90 },
  },
  readMs: { low: 1, high: 3 },
  writeMs: { low: 2, high: 8 },
  messageMs: { low: 1, high: 6 },
  bureauFailsPercent: 5,
  answerLostPercent: 3,
  deliveredTwicePercent: 5,
  kills: 5,
};

/** How often a call of an agent is tried, and the pause before the second time, in all variants. */
export const ATTEMPTS = 3;
export const FIRST_PAUSE_MS = 200;
