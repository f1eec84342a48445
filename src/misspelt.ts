/** What was set without effect: names that are no setting. Nothing else would tell, as the one meant has a default. */
import type { Texts } from "./config.ts";
import { settingNames, settingOf } from "./settings.ts";

const KNOWN = settingNames.flatMap((name) => (settingOf(name).secret ? [name, `${name}_FILE`] : [name]));
/** In the `.env` of a checkout compose.yaml finds its own. */
const COMPOSES = /^(COMPOSE_\w+|DATABASE_(ADMIN_)?PASSWORD|BALANCE|WEIGHT_\d)$/;
/** Shorter names are a letter away from too much that has nothing to do with us: HOST and HOME, PORT and PATH. */
const LENGTH_MIN = 6;
/** Letters that may be wrong; in shorter names than LONG, one. */
const EDITS_MAX = 2;
const LONG = 10;

/**
 * A sentence each. In `.env` every name should be a setting. The environment is full of others' names: there, only
 * those are told that are almost a setting which isn't set.
 */
export function misspeltSettings(environment: Texts, dotEnv: Texts): string[] {
  const isSet = (name: string) => Boolean(environment[name] || dotEnv[name]);
  const unknownIn = (texts: Texts) =>
    Object.keys(texts).filter((name) => texts[name] && !KNOWN.includes(name) && !COMPOSES.test(name));
  const inDotEnv = unknownIn(dotEnv).map((name) => {
    const meant = meantBy(name);
    return `${name} (.env) is no setting${meant ? `; ${meant} was probably meant` : ""}`;
  });
  const inEnvironment = unknownIn(environment).flatMap((name) => {
    const meant = name.length < LENGTH_MIN ? null : meantBy(name);
    return meant === null || isSet(meant) ? [] : [`${name} is no setting; ${meant} was probably meant`];
  });
  return [...inDotEnv, ...inEnvironment];
}

/** The setting that is closest, if it's close. */
function meantBy(name: string): string | null {
  const [first] = KNOWN.filter((known) => Math.abs(known.length - name.length) <= EDITS_MAX)
    .map((known) => ({ known, edits: editsBetween(name.toUpperCase(), known) }))
    .filter(({ known, edits }) => edits <= (known.length < LONG ? 1 : EDITS_MAX))
    .toSorted((a, b) => a.edits - b.edits);
  return first?.known ?? null;
}

/** Letters left out, put in, taken for another, or swapped with the next: the fewest that make one of the other. */
function editsBetween(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number) => rows[i]?.[j] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= a.length; i++) {
    rows.push([i]);
    for (let j = 1; j <= b.length; j++) {
      const isSwap = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      rows[i]?.push(
        Math.min(
          at(i - 1, j) + 1,
          at(i, j - 1) + 1,
          at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1),
          isSwap ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
  }
  return at(a.length, b.length);
}
