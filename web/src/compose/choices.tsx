/** Who may see it, and in which language it is. */
import type { Visibility } from "../api/types.ts";

const VISIBILITIES: readonly (readonly [Visibility, string])[] = [
  ["public", "Public · everyone"],
  ["unlisted", "Quiet public · not in public lists"],
  ["private", "Followers only"],
  ["direct", "Mentioned people only"],
];

const LANGUAGES = [
  "en de fr es it pt nl sv da nb fi is pl cs sk hu ro bg uk ru el tr he ar fa hi bn ta te ur id ms vi th",
  "ja ko zh ca eu gl cy ga gd et lv lt sl hr sr eo sw",
]
  .join(" ")
  .split(" ");
const names = new Intl.DisplayNames(undefined, { type: "language" });

export function ownLanguage(): string {
  return navigator.language.split("-")[0] ?? "en";
}

export function VisibilityChoice({
  value,
  isFixed = false,
  onChange,
}: {
  value: Visibility;
  isFixed?: boolean;
  onChange: (visibility: Visibility) => void;
}) {
  return (
    <label className="chip-select">
      <span className="sr-only">Who can see this</span>
      <select
        value={value}
        disabled={isFixed}
        onChange={(event) => onChange(event.target.value as Visibility)}
      >
        {VISIBILITIES.map(([visibility, label]) => (
          <option key={visibility} value={visibility}>
            {label}
          </option>
        ))}
      </select>
    </label>
  );
}

export function LanguageChoice({
  value,
  onChange,
  hasNone = false,
}: {
  value: string;
  onChange: (language: string) => void;
  hasNone?: boolean;
}) {
  const codes = LANGUAGES.includes(value) || value === "" ? LANGUAGES : [value, ...LANGUAGES];
  return (
    <label className="chip-select">
      <span className="sr-only">Language</span>
      <select value={value} onChange={(event) => onChange(event.target.value)}>
        {hasNone && <option value="">The browser's language</option>}
        {codes.map((code) => (
          <option key={code} value={code}>
            {names.of(code) ?? code}
          </option>
        ))}
      </select>
    </label>
  );
}
