import { type DestinationStream, type Logger, pino } from "pino";

const REDACTED = [
  "req.headers.authorization",
  "req.headers.cookie",
  "*.password",
  "*.access_token",
  "*.client_secret",
];

/** JSON lines, on stdout unless told otherwise. Secrets are taken out wherever they may stand. */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options = { level, redact: { paths: REDACTED, censor: "[hidden]" } };
  return destination ? pino(options, destination) : pino(options);
}
