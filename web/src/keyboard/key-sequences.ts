/** Keys pressed one after another. A sequence goes before the single keys it is made of. */

const PAUSE_MS = 1_000;

export interface Press {
  readonly key: string;
  readonly code: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly timeStamp: number;
}

export class KeySequences {
  readonly #actions: ReadonlyMap<string, () => boolean>;
  readonly #beginnings: ReadonlySet<string>;
  #begun = "";
  #begunAt = 0;

  constructor(actions: readonly (readonly [sequence: string, run: () => boolean])[]) {
    this.#actions = new Map(actions);
    this.#beginnings = new Set(actions.flatMap(([sequence]) => beginningsOf(sequence)));
  }

  /** Whether the key did something. */
  press(event: Press): boolean {
    if (event.ctrlKey || event.metaKey || event.altKey || event.key === "Shift") return false;
    const key = nameOf(event);
    const isInTime = event.timeStamp - this.#begunAt < PAUSE_MS;
    const sequence = this.#begun && isInTime ? `${this.#begun} ${key}` : key;
    this.#begun = "";
    if (this.#beginnings.has(sequence)) {
      this.#begun = sequence;
      this.#begunAt = event.timeStamp;
      return true;
    }
    return this.#actions.get(sequence)?.() ?? false;
  }
}

function beginningsOf(sequence: string): string[] {
  const keys = sequence.split(" ");
  return keys.slice(1).map((_, i) => keys.slice(0, i + 1).join(" "));
}

/** What was typed; on a layout without Latin letters, the letter that a Latin one has in that place. */
function nameOf({ key, code }: Press): string {
  const isLatin = key.length > 1 || /^[\x20-\x7e]$/.test(key);
  return isLatin ? key : code.replace(/^Key/, "").toLowerCase();
}
