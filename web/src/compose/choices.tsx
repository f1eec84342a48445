/** Who may see it, and in which language it is. */
import { AtSign, ChevronDown, Globe, Lock, type LucideIcon, Moon } from "lucide-react";
import type { ReactNode } from "react";
import type { Visibility } from "../api/types.ts";

const VISIBILITIES: readonly (readonly [Visibility, string, string, LucideIcon])[] = [
  ["public", "Public", "Public · everyone", Globe],
  ["unlisted", "Quiet", "Quiet public · not in public lists", Moon],
  ["private", "Followers", "Followers only", Lock],
  ["direct", "Mentioned", "Mentioned people only", AtSign],
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
  isShort = false,
  onChange,
}: {
  value: Visibility;
  isFixed?: boolean;
  /** Where there is little room. */
  isShort?: boolean;
  onChange: (visibility: Visibility) => void;
}) {
  const [, short, , Icon = Globe] = VISIBILITIES.find(([one]) => one === value) ?? [];
  return (
    <label className="chip-select">
      <span className="sr-only">Who can see this</span>
      {isShort && (
        <Short>
          <Icon aria-hidden="true" /> <span className="chip-words">{short}</span>
        </Short>
      )}
      <select
        value={value}
        disabled={isFixed}
        onChange={(event) => onChange(event.target.value as Visibility)}
      >
        {VISIBILITIES.map(([visibility, , label]) => (
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
  isShort = false,
}: {
  value: string;
  onChange: (language: string) => void;
  hasNone?: boolean;
  isShort?: boolean;
}) {
  const codes = LANGUAGES.includes(value) || value === "" ? LANGUAGES : [value, ...LANGUAGES];
  return (
    <label className="chip-select">
      <span className="sr-only">Language</span>
      {isShort && <Short>{value.toUpperCase()}</Short>}
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

/** What a closed choice shows in place of the whole label; the browser's own list opens over it. */
function Short({ children }: { children: ReactNode }) {
  return (
    <span className="chip-short" aria-hidden="true">
      {children} <ChevronDown />
    </span>
  );
}
