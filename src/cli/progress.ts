/** How far long work is: a bar that is redrawn on a terminal, a line each tenth elsewhere. */
import type { Clock } from "../core/clock.ts";
import type { Terminal } from "./terminal.ts";

const BAR_WIDTH = 20;
const REDRAW_MS = 80;
const TENTHS = 10;

export class Progress {
  readonly #terminal: Terminal;
  readonly #clock: Clock;
  #label = "";
  #startedMs = 0;
  #drawnMs = 0;
  #tenth = -1;

  constructor(options: { terminal: Terminal; clock: Clock }) {
    this.#terminal = options.terminal;
    this.#clock = options.clock;
  }

  update(done: number, total: number, label: string): void {
    if (this.#terminal.quiet) return;
    const nowMs = this.#clock.nowMs();
    if (label !== this.#label) {
      this.clear();
      this.#label = label;
      this.#startedMs = nowMs;
      this.#drawnMs = 0;
      this.#tenth = -1;
    }
    const share = total > 0 ? Math.min(1, done / total) : 1;
    if (this.#terminal.watched) this.#draw({ share, done, total, nowMs });
    else this.#tell(share, done, total);
  }

  /** Takes the bar away, so that a line can be written in its place. */
  clear(): void {
    if (this.#terminal.watched && this.#drawnMs > 0) this.#terminal.stderr.write("\r\u001b[2K");
  }

  #draw({ share, done, total, nowMs }: { share: number; done: number; total: number; nowMs: number }): void {
    if (nowMs - this.#drawnMs < REDRAW_MS && share < 1) return;
    this.#drawnMs = nowMs;
    const filled = Math.round(share * BAR_WIDTH);
    const bar = `${"█".repeat(filled)}${"░".repeat(BAR_WIDTH - filled)}`;
    const counted = `${done.toLocaleString("en")}/${total.toLocaleString("en")}`;
    const line = `${this.#label}  ${bar}  ${percent(share)}  ${counted}${this.#pace(share, done, nowMs)}`;
    const columns = this.#terminal.stderr.columns || 80;
    this.#terminal.stderr.write(`\r\u001b[2K${line.slice(0, columns - 1)}`);
  }

  #pace(share: number, done: number, nowMs: number): string {
    const elapsedMs = nowMs - this.#startedMs;
    if (elapsedMs < 1_000 || share === 0) return "";
    const perSecond = Math.round((done * 1_000) / elapsedMs);
    const leftMs = elapsedMs / share - elapsedMs;
    return `  ${perSecond.toLocaleString("en")}/s  ${Math.ceil(leftMs / 1_000)} s left`;
  }

  #tell(share: number, done: number, total: number): void {
    const tenth = Math.floor(share * TENTHS);
    if (tenth <= this.#tenth) return;
    this.#tenth = tenth;
    this.#terminal.note(`${this.#label}: ${done} of ${total} (${percent(share)})`);
  }
}

function percent(share: number): string {
  return `${Math.floor(share * 100)} %`;
}
