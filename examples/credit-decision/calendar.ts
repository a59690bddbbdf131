/**
 * Calendar arithmetic on ISO strings. "Today" is always the day on which an application was received, never a clock:
 * the same application is decided the same way whenever its run is replayed.
 */

const DAY_MS = 86_400_000;

/** The month `YYYY-MM` of an ISO date or timestamp. */
export function monthOf(date: string): string {
  return date.slice(0, 7);
}

/** The day `YYYY-MM-DD` of an ISO timestamp. */
export function dayOf(timestamp: string): string {
  return timestamp.slice(0, 10);
}

/** The number of months since year 0 of an ISO date or month. */
export function monthNumber(date: string): number {
  return Number(date.slice(0, 4)) * 12 + Number(date.slice(5, 7)) - 1;
}

/** The month `YYYY-MM` that is `count` months before the month of `date`. */
export function monthsBefore(date: string, count: number): string {
  const number = monthNumber(date) - count;
  const year = String(Math.floor(number / 12)).padStart(4, "0");
  return `${year}-${String((number % 12) + 1).padStart(2, "0")}`;
}

/** Whole calendar months from `earlier` to `later`; negative when they are the other way round. */
export function monthsBetween(earlier: string, later: string): number {
  return monthNumber(later) - monthNumber(earlier);
}

/** The day that is `count` days before the day of `date`. */
export function daysBefore(date: string, count: number): string {
  return new Date(Date.parse(dayOf(date)) - count * DAY_MS).toISOString().slice(0, 10);
}

/** Full years from a birth date to the day of `date`. */
export function ageInYears(birthDate: string, date: string): number {
  const years = Number(date.slice(0, 4)) - Number(birthDate.slice(0, 4));
  return date.slice(5, 10) < birthDate.slice(5, 10) ? years - 1 : years;
}
