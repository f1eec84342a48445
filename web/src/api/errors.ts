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
  return new ApiError(error_description ?? error ?? sentenceFor(response.status), {
    status: response.status,
    requestId: response.headers.get("X-Request-Id"),
    retryAfterSeconds: retryAfterOf(response.headers, response.status),
    ...(details ? { details } : {}),
  });
}

function sentenceFor(status: number): string {
  if (status === 404) return "This isn't available.";
  if (status === 429) return "Too many requests.";
  if (status >= 500) return "The server had a problem answering this.";
  return `The server refused this (${status}).`;
}

function retryAfterOf(headers: Headers, status: number): number | null {
  const seconds = Number(headers.get("Retry-After"));
  if (Number.isFinite(seconds) && seconds > 0) return Math.ceil(seconds);
  if (status !== 429) return null;
  const reset = Date.parse(headers.get("X-RateLimit-Reset") ?? "");
  return Number.isFinite(reset) ? Math.max(1, Math.ceil((reset - Date.now()) / 1000)) : 30;
}
