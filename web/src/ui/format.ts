/** Times and counts as people read them, in the language of their browser. */

/** Making a formatter takes a hundred times as long as using it: each is made once, when first needed. */
function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

const date = (options: Intl.DateTimeFormatOptions) => once(() => new Intl.DateTimeFormat(undefined, options));
const number = (options?: Intl.NumberFormatOptions) => once(() => new Intl.NumberFormat(undefined, options));
const relative = once(() => new Intl.RelativeTimeFormat(undefined, { style: "narrow", numeric: "auto" }));
const full = date({ dateStyle: "long", timeStyle: "short" });
const dayMonth = date({ day: "numeric", month: "short" });
const dayMonthYear = date({ day: "numeric", month: "short", year: "numeric" });
const monthYear = date({ month: "long", year: "numeric" });
const compact = number({ notation: "compact", maximumFractionDigits: 1 });
const plain = number();
const SHORT = {
  minute: number({ style: "unit", unit: "minute", unitDisplay: "narrow" }),
  hour: number({ style: "unit", unit: "hour", unitDisplay: "narrow" }),
  day: number({ style: "unit", unit: "day", unitDisplay: "narrow" }),
};

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** "now", "5m", "3h", "2d", then the date. */
export function shortAge(iso: string, now: number): string {
  const then = Date.parse(iso);
  const age = Math.max(0, now - then);
  if (age < MINUTE) return "now";
  if (age < HOUR) return SHORT.minute().format(Math.floor(age / MINUTE));
  if (age < DAY) return SHORT.hour().format(Math.floor(age / HOUR));
  if (age < 7 * DAY) return SHORT.day().format(Math.floor(age / DAY));
  const isThisYear = new Date(then).getFullYear() === new Date(now).getFullYear();
  return (isThisYear ? dayMonth : dayMonthYear)().format(then);
}

export function agoInWords(ms: number): string {
  if (ms < MINUTE) return relative().format(-Math.round(ms / 1000), "second");
  if (ms < HOUR) return relative().format(-Math.round(ms / MINUTE), "minute");
  return relative().format(-Math.round(ms / HOUR), "hour");
}

export function fullTime(iso: string): string {
  return full().format(Date.parse(iso));
}

export function dateOnly(iso: string): string {
  return dayMonthYear().format(Date.parse(iso));
}

export function monthOf(iso: string): string {
  return monthYear().format(Date.parse(iso));
}

export function shortCount(count: number): string {
  return count < 10_000 ? plain().format(count) : compact().format(count);
}

export function counted(count: number, one: string, many: string): string {
  return `${shortCount(count)} ${count === 1 ? one : many}`;
}
