/** Where a command writes: data to stdout, all else to stderr, so that `roost … | jq` sees data only. */
import type { Readable, Writable } from "node:stream";
import { styleText } from "node:util";

export type Style = Parameters<typeof styleText>[0];
type Output = Writable & { isTTY?: boolean; columns?: number };

export interface TerminalOptions {
  readonly stdin: Readable & { isTTY?: boolean };
  readonly stdout: Output;
  readonly stderr: Output;
  readonly color: "auto" | "always" | "never";
  readonly quiet: boolean;
  readonly verbose: boolean;
}

export class Terminal {
  readonly #options: TerminalOptions;

  constructor(options: TerminalOptions) {
    this.#options = options;
  }

  get stderr(): Output {
    return this.#options.stderr;
  }

  get verbose(): boolean {
    return this.#options.verbose;
  }

  get quiet(): boolean {
    return this.#options.quiet;
  }

  /** Whether a person watches: what is drawn, and not only said, goes to stderr. */
  get watched(): boolean {
    return this.#options.stderr.isTTY === true;
  }

  /** Whether stdout is a terminal, so that nothing collects what is written there. */
  get stdoutIsTerminal(): boolean {
    return this.#options.stdout.isTTY === true;
  }

  /** Whether questions can be asked. */
  get interactive(): boolean {
    return this.#options.stdin.isTTY === true && this.watched;
  }

  /** The text in a style, if the stream shows styles: a terminal, NO_COLOR and FORCE_COLOR heeded. */
  paint(style: Style, text: string, stream: Output = this.#options.stderr): string {
    if (this.#options.color === "never") return text;
    return styleText(style, text, { stream, validateStream: this.#options.color === "auto" });
  }

  /** As `paint`, for what goes to stdout. */
  paintData(style: Style, text: string): string {
    return this.paint(style, text, this.#options.stdout);
  }

  /** What the command was asked for. */
  data(text: string): void {
    this.#options.stdout.write(`${text}\n`);
  }

  json(value: unknown): void {
    this.data(JSON.stringify(value, (_, member) => (typeof member === "bigint" ? `${member}` : member), 2));
  }

  /** What is good to know; left out by --quiet. */
  note(line = ""): void {
    if (!this.#options.quiet) this.#options.stderr.write(`${line}\n`);
  }

  error(line: string): void {
    this.#options.stderr.write(`${line}\n`);
  }

  /** All of stdin, for what is piped in. */
  async input(): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.#options.stdin) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks).toString("utf8");
  }
}

/** Rows under a heading, in columns as wide as they must be. The last column is not padded. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const lines = [heading, ...rows];
  const widths = heading.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)));
  return lines.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/** The lines in a frame with a title. */
export function framed(title: string, lines: readonly string[]): string[] {
  const width = Math.max(title.length, ...lines.map((line) => line.length));
  return [
    `╭─ ${title} ${"─".repeat(width - title.length)}─╮`,
    ...["", ...lines, ""].map((line) => `│  ${line.padEnd(width)}  │`),
    `╰${"─".repeat(width + 4)}╯`,
  ];
}
