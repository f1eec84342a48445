import { type Group, SHORTCUTS, TYPING_SHORTCUTS } from "./shortcuts.ts";

const GROUPS: readonly Group[] = ["Reading", "A post", "Going places", "Everywhere"];
const NAMES: Readonly<Record<string, string>> = {
  ArrowDown: "↓",
  ArrowUp: "↑",
  Escape: "Esc",
  PageDown: "Page ↓",
  PageUp: "Page ↑",
  Backspace: "⌫",
};

export function Shortcuts() {
  return (
    <div className="grid gap-x-10 gap-y-6 sm:grid-cols-2">
      {GROUPS.map((group) => (
        <section key={group} aria-label={group}>
          <h2 className="mb-1 font-display text-lg">{group}</h2>
          <dl>
            {SHORTCUTS.filter((shortcut) => shortcut.group === group).map(({ keys, does }) => (
              <Row key={keys[0]} keys={keys} does={does} />
            ))}
            {group === "Everywhere" &&
              TYPING_SHORTCUTS.map(({ keys, does }) => <Row key={keys[0]} keys={keys} does={does} />)}
          </dl>
        </section>
      ))}
    </div>
  );
}

function Row({ keys, does }: { keys: readonly string[]; does: string }) {
  return (
    <div className="flex items-baseline justify-between gap-4 py-1.5 text-sm">
      <dt className="order-2 shrink-0">
        {keys.map((sequence, i) => (
          <span key={sequence}>
            {i > 0 && <span className="px-1 text-soft">or</span>}
            {sequence.split(" ").map((key) => (
              <kbd key={key}>{NAMES[key] ?? key}</kbd>
            ))}
          </span>
        ))}
      </dt>
      <dd>{does}</dd>
    </div>
  );
}
