/**
 * What can go wrong on purpose. Each error carries a sentence for the person at the other end and, privately, its
 * `cause`. `api/errors.ts` alone turns them into HTTP answers; anything else that is thrown is a bug and logs as one.
 */
export abstract class AppError extends Error {
  abstract readonly httpStatus: number;
  readonly retryAfterMs: number | undefined;

  constructor(publicSentence: string, options: { cause?: unknown; retryAfterMs?: number } = {}) {
    super(publicSentence, "cause" in options ? { cause: options.cause } : undefined);
    this.name = new.target.name;
    this.retryAfterMs = options.retryAfterMs;
  }
}

export class Unauthenticated extends AppError {
  readonly httpStatus = 401;
}

export class Forbidden extends AppError {
  readonly httpStatus = 403;
}

export class NotFound extends AppError {
  readonly httpStatus = 404;

  constructor(sentence = "Record not found") {
    super(sentence);
  }
}

/** Input that can't be taken: 422 for values that break a rule, 400 for a request that can't be read. */
export class Invalid extends AppError {
  readonly httpStatus: 400 | 413 | 415 | 422;
  readonly details: Record<string, { error: string; description: string }[]> | undefined;

  constructor(
    sentence: string,
    httpStatus: 400 | 413 | 415 | 422 = 422,
    details?: Record<string, { error: string; description: string }[]>,
  ) {
    super(sentence);
    this.httpStatus = httpStatus;
    this.details = details;
  }
}

export class Conflict extends AppError {
  readonly httpStatus = 409;
}

export class RateLimited extends AppError {
  readonly httpStatus = 429;
}

/** An engine can't be reached or is too slow. What the caller should do about it, the sentence says. */
export class Unavailable extends AppError {
  readonly httpStatus = 503;
}

/** What settings name can't be used as it is: the start is refused, with a sentence that says the way out. */
export class UnusableSetup extends Error {
  /** The settings may be right: nobody answers there now. */
  readonly isAway: boolean;

  constructor(sentence: string, { isAway = false, cause }: { isAway?: boolean; cause?: unknown } = {}) {
    super(sentence, { cause });
    this.isAway = isAway;
  }
}

/** For what may be left undone when an engine is away: as a `catch`. */
export function ignoreUnavailable(error: unknown): void {
  if (!(error instanceof Unavailable)) throw error;
}

/** States what cannot be otherwise; a failure is a bug. */
export function invariant(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${what}`);
}
