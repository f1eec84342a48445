/** Times and counts as people read them, in the language of their browser. */
const relative = new Intl.RelativeTimeFormat(undefined, { style: "narrow", numeric: "auto" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "short" });
const dayMonth = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const dayMonthYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const monthYear = new Intl.DateTimeFormat(undefined, { month: "long", year: "numeric" });
const compact = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const plain = new Intl.NumberFormat();

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** "now", "5m", "3h", "2d", then the date. */
export function shortAge(iso: string, now: number): string {
  const then = Date.parse(iso);
  const age = Math.max(0, now - then);
  if (age < MINUTE) return "now";
  if (age < HOUR) return short(Math.floor(age / MINUTE), "minute");
  if (age < DAY) return short(Math.floor(age / HOUR), "hour");
  if (age < 7 * DAY) return short(Math.floor(age / DAY), "day");
  const isThisYear = new Date(then).getFullYear() === new Date(now).getFullYear();
  return (isThisYear ? dayMonth : dayMonthYear).format(then);
}

function short(count: number, unit: "minute" | "hour" | "day"): string {
  const parts = new Intl.NumberFormat(undefined, { style: "unit", unit, unitDisplay: "narrow" });
  return parts.format(count);
}

export function agoInWords(ms: number): string {
  if (ms < MINUTE) return relative.format(-Math.round(ms / 1000), "second");
  if (ms < HOUR) return relative.format(-Math.round(ms / MINUTE), "minute");
  return relative.format(-Math.round(ms / HOUR), "hour");
}

export function fullTime(iso: string): string {
  return full.format(Date.parse(iso));
}

export function dateOnly(iso: string): string {
  return dayMonthYear.format(Date.parse(iso));
}

export function monthOf(iso: string): string {
  return monthYear.format(Date.parse(iso));
}

export function shortCount(count: number): string {
  return count < 10_000 ? plain.format(count) : compact.format(count);
}

export function counted(count: number, one: string, many: string): string {
  return `${shortCount(count)} ${count === 1 ? one : many}`;
}
