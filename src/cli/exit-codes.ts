/** How a command ends, for scripts. The numbers from 65 up are those of sysexits.h. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  badData: 65,
  unavailable: 69,
  bug: 70,
  tryLater: 75,
  notAllowed: 77,
  config: 78,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const exitCodesHelp = `Exit codes:
  0 ok · 1 failed · 2 usage · 65 bad data · 69 engine or port unavailable · 70 a bug
  75 try again later · 77 not allowed · 78 a setting is wrong · 130 interrupted`;

/** Ends a command with a sentence and, where there is one, the way out. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;
  readonly hint: string | undefined;

  constructor(exitCode: ExitCode, sentence: string, options: { hint?: string; cause?: unknown } = {}) {
    super(sentence, { cause: options.cause });
    this.name = "CommandError";
    this.exitCode = exitCode;
    this.hint = options.hint;
  }
}
