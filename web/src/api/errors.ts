/** What the API refused, in the server's own words, with what is needed to show it well. */
export class ApiError extends Error {
  readonly status: number;
  readonly requestId: string | null;
  /** Seconds to wait, for 429 and 503. */
  readonly retryAfterSeconds: number | null;
  readonly details: Readonly<Record<string, readonly FieldMistake[]>>;

  constructor(
    message: string,
    options: {
      status: number;
      requestId?: string | null;
      retryAfterSeconds?: number | null;
      details?: Readonly<Record<string, readonly FieldMistake[]>>;
    },
  ) {
    super(message);
    this.name = "ApiError";
    this.status = options.status;
    this.requestId = options.requestId ?? null;
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
    this.details = options.details ?? {};
  }
}

export interface FieldMistake {
  readonly error: string;
  readonly description: string;
}

/** The request never got an answer: no network, or no server. */
export class Unreachable extends Error {
  constructor(options?: ErrorOptions) {
    super("The server can't be reached right now.", options);
    this.name = "Unreachable";
  }
}

/** The server answered 206: the home timeline is being prepared. */
export class Rebuilding extends Error {
  constructor() {
    super("Preparing your timeline.");
    this.name = "Rebuilding";
  }
}

export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : "Something went wrong.";
}

export async function errorOf(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => null);
  const { error, error_description, details } = (body ?? {}) as {
    error?: string;
    error_description?: string;
    details?: Record<string, FieldMistake[]>;
  };
  return refusal(error_description ?? error, response.status, response.headers, details);
}

/** Any refusal, with the time to wait in its sentence where there is one: nobody has to guess. */
export function refusal(
  sentence: string | undefined,
  status: number,
  headers: Pick<Headers, "get">,
  details?: Record<string, FieldMistake[]>,
): ApiError {
  const retryAfterSeconds = retryAfterOf(headers, status);
  return new ApiError(withWait(sentence ?? sentenceFor(status), status, retryAfterSeconds), {
    status,
    requestId: headers.get("X-Request-Id"),
    retryAfterSeconds,
    ...(details ? { details } : {}),
  });
}

function withWait(sentence: string, status: number, seconds: number | null): string {
  if ((status !== 429 && seconds === null) || /try again in/i.test(sentence)) return sentence;
  const wait = seconds === null ? "a moment" : waitInWords(seconds);
  return `${sentence.replace(/[.!]?$/, ".")} Try again in ${wait}.`;
}

/** Rounded up: who waits that long isn't refused again. */
export function waitInWords(seconds: number): string {
  const [count, unit] =
    seconds <= 90
      ? [seconds, "second"]
      : seconds <= 90 * 60
        ? [Math.ceil(seconds / 60), "minute"]
        : [Math.ceil(seconds / 3600), "hour"];
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

function sentenceFor(status: number): string {
  if (status === 404) return "This isn't available.";
  if (status === 429) return "Too many requests.";
  if (status >= 500) return "The server had a problem answering this.";
  return `The server refused this (${status}).`;
}

function retryAfterOf(headers: Pick<Headers, "get">, status: number): number | null {
  const seconds = Number(headers.get("Retry-After"));
  if (Number.isFinite(seconds) && seconds > 0) return Math.ceil(seconds);
  if (status !== 429) return null;
  const reset = Date.parse(headers.get("X-RateLimit-Reset") ?? "");
  return Number.isFinite(reset) ? Math.max(1, Math.ceil((reset - Date.now()) / 1000)) : null;
}
