/** What doctor asks about the world around the server: its address, mail, secrets, and the pages it serves. */
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { connect } from "node:net";
import { join, resolve } from "node:path";
import type { Config, LoadedConfig } from "../../config.ts";
import { settingOf } from "../../settings.ts";
import { packageDir } from "../invocation.ts";
import type { Check, Finding } from "./command.ts";

const CONNECT_MS_MAX = 5_000;

export const outsideChecks: readonly Check[] = [
  { name: "Public address", run: publicAddress },
  { name: "Mail", run: ({ config }) => mail(config) },
  { name: "Secrets", run: secrets },
  { name: "Web pages", run: webPages },
];

function publicAddress({ config, sources }: LoadedConfig): Finding {
  const { hostname, protocol } = new URL(config.publicUrl);
  const isLocal = ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
  const listensLocally = ["localhost", "127.0.0.1", "::1"].includes(config.host);
  if (isLocal && !listensLocally) {
    return {
      status: "warning",
      says: `HOST ${config.host} lets others in, but links and sign-in go to ${config.publicUrl}`,
      mend: "set PUBLIC_URL to the address others use, such as http://192.168.1.10:3000",
    };
  }
  if (!isLocal && protocol === "http:") {
    return {
      status: "warning",
      says: `${config.publicUrl} is not encrypted: passwords and tokens travel in the clear`,
      mend: "put a proxy with TLS in front and set PUBLIC_URL=https://… and TRUSTED_PROXIES",
    };
  }
  if (!isLocal && sources.TRUSTED_PROXIES === "default") {
    return {
      status: "warning",
      says: `${config.publicUrl} needs a proxy, and none is trusted: all visitors would share one rate limit`,
      mend: "set TRUSTED_PROXIES to the proxy's address, such as 127.0.0.1",
    };
  }
  return { status: "ok", says: config.publicUrl };
}

async function mail({ smtp }: Config): Promise<Finding> {
  if (!smtp) {
    return { status: "ok", says: "SMTP_URL is not set: mail is kept in DATA_DIR instead of being sent" };
  }
  const { hostname, port, protocol } = new URL(smtp.url);
  const number = Number(port || (protocol === "smtps:" ? 465 : 587));
  const socket = connect({ host: hostname, port: number });
  try {
    await once(socket, "connect", { signal: AbortSignal.timeout(CONNECT_MS_MAX) });
    return { status: "ok", says: `${hostname}:${number} answers` };
  } catch (error) {
    const why = error instanceof Error && error.name !== "AbortError" ? error.message : "no answer";
    return {
      status: "failed",
      says: `${hostname}:${number} can't be reached (${why})`,
      mend: "correct SMTP_URL, or unset it to keep mail in DATA_DIR",
    };
  } finally {
    socket.destroy();
  }
}

async function secrets({ effective }: LoadedConfig): Promise<Finding> {
  const file = resolve(".env");
  const kept = effective.some(({ source, name }) => source === ".env" && settingOf(name).secret);
  const found = await stat(file).catch(() => null);
  if (!kept || !found) return { status: "ok", says: "none kept in .env" };
  if ((found.mode & 0o077) === 0) return { status: "ok", says: ".env can be read by you only" };
  return {
    status: "warning",
    says: ".env holds secrets and others can read it",
    mend: `chmod 600 '${file}'`,
  };
}

async function webPages(): Promise<Finding> {
  const found = await stat(join(packageDir, "web", "dist", "index.html")).catch(() => null);
  if (found) return { status: "ok", says: "built" };
  return {
    status: "failed",
    says: "not built: the API works, the pages don't",
    mend: `npm run prepare (in ${packageDir})`,
  };
}
