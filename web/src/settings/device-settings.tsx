/** What this browser remembers by itself: looks and keys. */
import { Shortcuts } from "../keyboard/shortcuts-table.tsx";
import { Switch } from "../ui/field.tsx";
import { changePreferences, type Preferences, usePreferences } from "./preferences.ts";

const THEMES: readonly (readonly [Preferences["theme"], string, string])[] = [
  ["auto", "Automatic", "Same as this device"],
  ["light", "Light", "Paper by day"],
  ["dark", "Dark", "Dusk, not black"],
];

export function AppearanceSettings() {
  const { theme, opensWarnings } = usePreferences();
  return (
    <>
      <fieldset>
        <legend className="mb-2 font-semibold">Theme</legend>
        <div className="grid gap-3 sm:grid-cols-3">
          {THEMES.map(([value, label, about]) => (
            <label key={value} className="choice">
              <input
                type="radio"
                name="theme"
                className="radio"
                checked={theme === value}
                onChange={() => changePreferences({ theme: value })}
              />
              <span>
                <span className="block font-medium">{label}</span>
                <span className="block text-sm text-soft">{about}</span>
              </span>
            </label>
          ))}
        </div>
      </fieldset>
      <div className="mt-6 border-line border-t">
        <Switch
          label="Open content warnings"
          hint="Show posts with content warnings and sensitive pictures right away."
          isOn={opensWarnings}
          onChange={(isOn) => changePreferences({ opensWarnings: isOn })}
        />
      </div>
      <p className="mt-4 text-sm text-soft">These settings are saved in this browser only.</p>
    </>
  );
}

export function KeyboardSettings() {
  const { hasShortcuts } = usePreferences();
  return (
    <>
      <Switch
        label="Single-key shortcuts"
        hint="Switch them off if speech input or a stray key sets them off."
        isOn={hasShortcuts}
        onChange={(isOn) => changePreferences({ hasShortcuts: isOn })}
      />
      <div className="mt-4 border-line border-t pt-4">
        <Shortcuts />
      </div>
    </>
  );
}
