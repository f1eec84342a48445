import { type Logger, pino } from "pino";

/** JSON lines on stdout. Secrets are taken out wherever they may stand. */
export function createLogger(level: string): Logger {
  return pino({
    level,
    redact: {
      paths: [
        "req.headers.authorization",
        "req.headers.cookie",
        "*.password",
        "*.access_token",
        "*.client_secret",
      ],
      censor: "[hidden]",
    },
  });
}
