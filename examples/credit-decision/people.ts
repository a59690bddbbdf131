/** Well-formed applications: believable people with incomes, debts and habits that hang together. */
import {
  type Application,
  type Debt,
  type Payslip,
  type Signals,
  checkDigits,
} from "./application.ts";
import { dayOf, daysBefore, monthsBefore } from "./calendar.ts";
import { median, within } from "./figures.ts";
import { type Random, seededRandom } from "./random.ts";

/** Deciles of monthly net income in euros: the lowest, nine in between, the highest. */
const INCOME_DECILES = [
  1_150, 1_450, 1_700, 1_920, 2_150, 2_400, 2_700, 3_100, 3_700, 4_900, 9_800,
] as const;

const FIRST_NAMES = [
  "Ada",
  "Anaïs",
  "Björn",
  "Chloë",
  "Daniel",
  "Elif",
  "Emma",
  "Fatima",
  "Giulia",
  "Hans-Peter",
  "Ines",
  "Jürgen",
  "José María",
  "Karl",
  "Léa",
  "Łukasz",
  "Marta",
  "Maeve",
  "Nguyễn",
  "Noah",
  "Olga",
  "Paolo",
  "Rosa",
  "Seán",
  "Sofía",
  "Tomasz",
  "Yusuf",
  "Zoë",
  "Дмитрий",
  "Ελένη",
  "李",
  "محمد",
] as const;
const LAST_NAMES = [
  "Almeida",
  "Bakker",
  "Çelik",
  "D’Angelo",
  "de la Cruz",
  "Dubois",
  "Fischer",
  "García",
  "Hoffmann",
  "Jansen",
  "Kowalski",
  "Lindqvist",
  "Martin",
  "Müller",
  "Nowak",
  "O'Brien",
  "Öztürk",
  "Rossi",
  "Saint-Exupéry",
  "Schmidt",
  "Silva",
  "Smith",
  "van den Berg",
  "Văn An",
  "Иванова",
  "Παπαδοπούλου",
  "伟",
  "الفارسي",
] as const;
const EMPLOYERS = [
  "Alpine Logistics",
  "Bakkerij Jansen",
  "Café Müller & Söhne",
  "City Hospital",
  "Delta Engineering",
  "Eurobuild, S.A.",
  "Harbour Services",
  "Kaufhaus Nord",
  "L'Atelier du Bois",
  "Municipality",
  "Northwind Energy",
  "Primary School 12",
  "Studio 54+",
  "Wind & Water Co.",
] as const;
const COUNTRIES = [
  ["DE", 30],
  ["FR", 20],
  ["ES", 14],
  ["IT", 14],
  ["NL", 10],
  ["IE", 6],
  ["PT", 6],
] as const;
const PURPOSES = ["car", "home", "education", "medical", "consolidation", "other"] as const;

/** How sound a person's affairs are; everything else about them leans on it. */
type Standing = "sound" | "strained" | "troubled" | "newcomer" | "dishonest";

/**
 * The `number`-th application of a seed. Each has its own source of chance, so that one more field in one of them changes
 * no other.
 */
export function makeApplication(at: {
  readonly seed: number;
  readonly number: number;
}): Application {
  const random = seededRandom(Math.imul(at.seed, 0x9e3779b1) ^ Math.imul(at.number, 0x85ebca6b));
  const standing = random.weighted<Standing>([
    ["sound", 65],
    ["strained", 21],
    ["troubled", 8],
    ["newcomer", 3],
    ["dishonest", 3],
  ]);
  const serial = String(at.number).padStart(6, "0");
  const receivedAt = makeReceivedAt(random);
  const country = random.weighted(COUNTRIES);
  const netMonthly = makeIncome(random);
  const payslips = makePayslips(random, { standing, receivedAt, netMonthly });
  const statedMonthlyIncome = makeStatedIncome(random, {
    standing,
    shown: median(payslips.map((p) => p.netAmount)) || netMonthly,
  });
  const debts = makeDebts(random, { standing, receivedAt, netMonthly });
  return {
    id: `app-${serial}`,
    receivedAt,
    currency: "EUR",
    applicant: {
      id: `cus-${serial}`,
      name: `${random.pick(FIRST_NAMES)} ${random.pick(LAST_NAMES)}`,
      birthDate: daysBefore(
        receivedAt,
        random.whole(standing === "dishonest" ? 28 * 366 : 20 * 366, 70 * 365),
      ),
      nationalId: makeNationalId(random, country),
      country,
    },
    employment: {
      employer: random.pick(EMPLOYERS),
      startedOn: daysBefore(receivedAt, random.whole(200, 9_000)),
      statedMonthlyIncome,
      payslips,
    },
    request: makeRequest(random, netMonthly),
    debts,
    signals: makeSignals(random, { standing, country }),
  };
}

function makeReceivedAt(random: Random): string {
  const two = (low: number, high: number): string =>
    String(random.whole(low, high)).padStart(2, "0");
  return `2026-${two(1, 9)}-${two(1, 28)}T${two(6, 21)}:${two(0, 59)}:${two(0, 59)}Z`;
}

function makeIncome(random: Random): number {
  const decile = random.whole(0, INCOME_DECILES.length - 2);
  const [low, high] = [INCOME_DECILES[decile] ?? 0, INCOME_DECILES[decile + 1] ?? 0];
  return random.whole(low * 100, high * 100);
}

function makeNationalId(random: Random, country: string): string {
  const digits = String(random.whole(0, 99_999_999)).padStart(8, "0");
  return `${country}${digits}${checkDigits(digits)}`;
}

interface Means {
  readonly standing: Standing;
  readonly receivedAt: string;
  /** Minor units. */
  readonly netMonthly: number;
}

function makePayslips(random: Random, { standing, receivedAt, netMonthly }: Means): Payslip[] {
  const months = random.weighted([
    [3, 70],
    [4, 12],
    [6, 12],
    [2, 6],
  ]);
  const swing = random.weighted([
    [1, 60],
    [4, 25],
    [12, 12],
    [30, 3],
  ]);
  const foreignFrom = random.chance(1.5) ? random.whole(0, months - 1) : months;
  const madeUp = standing === "dishonest" && random.chance(70);
  return Array.from({ length: months }, (_, back): Payslip => {
    const swung = Math.round((netMonthly * (100 + random.whole(-swing, swing))) / 100);
    const netAmount = madeUp ? Math.max(1, Math.round(netMonthly / 10_000)) * 10_000 : swung;
    const grossAmount = madeUp && random.chance(50) ? netAmount : Math.round(netAmount * 1.42);
    const currency = back >= foreignFrom ? random.pick(["USD", "CHF", "GBP"]) : "EUR";
    return { month: monthsBefore(receivedAt, back + 1), grossAmount, netAmount, currency };
  });
}

/** Most people state what they earn, rounded; some a little more; the dishonest far more. */
function makeStatedIncome(
  random: Random,
  { standing, shown }: { readonly standing: Standing; readonly shown: number },
): number {
  const percent =
    standing === "dishonest"
      ? random.whole(110, 190)
      : random.weighted([
          [random.whole(97, 103), 86],
          [random.whole(104, 114), 9],
          [random.whole(115, 140), 5],
        ]);
  return Math.max(10_000, Math.round((shown * percent) / 100 / 5_000) * 5_000);
}

function makeRequest(random: Random, netMonthly: number): Application["request"] {
  const monthsOfIncome = random.weighted([
    [random.whole(10, 25), 45],
    [random.whole(26, 60), 40],
    [random.whole(61, 120), 15],
  ]);
  const amount = Math.max(
    100_000,
    Math.round((netMonthly * monthsOfIncome) / 10 / 50_000) * 50_000,
  );
  return {
    amount,
    termMonths: random.pick([12, 24, 36, 36, 48, 48, 60, 60, 72, 84]),
    purpose: random.pick(PURPOSES),
  };
}

/** What each standing means for debts: how many, how old at most, how late, how far drawn. */
const HABITS: Readonly<
  Record<
    Standing,
    {
      count: readonly [number, number];
      years: number;
      latePercent: number;
      used: readonly [number, number];
    }
  >
> = {
  sound: { count: [2, 5], years: 14, latePercent: 4, used: [2, 45] },
  strained: { count: [2, 6], years: 9, latePercent: 18, used: [35, 85] },
  troubled: { count: [2, 6], years: 7, latePercent: 50, used: [65, 100] },
  newcomer: { count: [0, 1], years: 1, latePercent: 3, used: [5, 50] },
  dishonest: { count: [1, 3], years: 3, latePercent: 5, used: [5, 70] },
};

function makeDebts(random: Random, means: Means): Debt[] {
  const habits = HABITS[means.standing];
  const count = random.whole(...habits.count);
  return Array.from({ length: count }, (_, index) => {
    // The first account is the oldest: it makes the length of the history.
    const daysMax = habits.years * 365;
    const openedOn = daysBefore(
      dayOf(means.receivedAt),
      index === 0 ? random.whole(Math.floor(daysMax / 2), daysMax) : random.whole(60, daysMax),
    );
    const kind =
      index === 0
        ? "card"
        : random.weighted<Debt["kind"]>([
            ["card", 45],
            ["loan", 45],
            ["mortgage", index === 1 ? 10 : 0],
          ]);
    const latePayments = random.chance(habits.latePercent)
      ? random.whole(1, means.standing === "troubled" ? 4 : 2)
      : 0;
    return {
      kind,
      openedOn,
      latePayments,
      ...makeBalance(random, {
        kind,
        used: random.whole(...habits.used),
        netMonthly: means.netMonthly,
      }),
    };
  });
}

interface Drawn {
  readonly kind: Debt["kind"];
  /** How much of the limit, or of the first sum, is owed: percent. */
  readonly used: number;
  readonly netMonthly: number;
}

function makeBalance(
  random: Random,
  { kind, used, netMonthly }: Drawn,
): Pick<Debt, "balance" | "limit" | "monthlyPayment"> {
  const whole = (share: number): number => Math.round((netMonthly * share) / 100);
  if (kind === "card") {
    const limit = Math.max(50_000, Math.round(whole(random.whole(60, 180)) / 50_000) * 50_000);
    const balance = Math.round((limit * used) / 100);
    return { limit, balance, monthlyPayment: Math.round(balance * 0.03) };
  }
  if (kind === "mortgage")
    return {
      limit: 0,
      balance: whole(random.whole(1_500, 4_000)),
      monthlyPayment: whole(random.whole(12, 24)),
    };
  return {
    limit: 0,
    balance: whole(random.whole(40, 300)),
    monthlyPayment: whole(random.whole(2, 8)),
  };
}

function makeSignals(
  random: Random,
  { standing, country }: { readonly standing: Standing; readonly country: string },
): Signals {
  const elsewhere = random.pick(["RO", "GB", "US", "TR", "NG", "VN"]);
  if (standing === "dishonest") {
    return {
      ipCountry: random.chance(55) ? elsewhere : country,
      phoneCountry: random.chance(30) ? elsewhere : country,
      emailAgeDays: random.whole(0, 60),
      phoneAgeDays: random.whole(0, 60),
      addressMonths: random.whole(0, 8),
      applicationsLast30Days: random.whole(0, 9),
      applicantsOnDevice: random.whole(1, 6),
    };
  }
  return {
    ipCountry: random.chance(3) ? elsewhere : country,
    phoneCountry: random.chance(2) ? elsewhere : country,
    emailAgeDays: random.whole(20, 5_000),
    phoneAgeDays: random.whole(10, 2_500),
    addressMonths: random.whole(1, 180),
    applicationsLast30Days: within(random.whole(-6, standing === "troubled" ? 5 : 3), 0, 5),
    applicantsOnDevice: random.weighted([
      [1, 80],
      [2, 17],
      [3, 3],
    ]),
  };
}
