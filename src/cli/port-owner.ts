/** Whether a port can be had, and who has it: found on Linux through /proc, unknown elsewhere. */
import { once } from "node:events";
import { readdir, readFile, readlink } from "node:fs/promises";
import { createServer } from "node:net";
import { CommandError, exitCodes } from "./exit-codes.ts";

export interface PortOwner {
  readonly pid: number;
  readonly command: string;
  /** Whether it is a Roost, as far as its command line tells. */
  readonly isRoost: boolean;
}

/** Whether the address is free, and why not if it isn't. For port 0: one that is. */
export async function tryPort(
  host: string,
  port: number,
): Promise<{ port: number; problem: NodeJS.ErrnoException | null }> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, "listening");
    const address = server.address();
    return { port: typeof address === "object" && address ? address.port : port, problem: null };
  } catch (error) {
    return { port, problem: error as NodeJS.ErrnoException };
  } finally {
    server.close();
  }
}

/** What to tell someone whose port can't be had. */
export async function explainPort(
  cause: NodeJS.ErrnoException,
  host: string,
  port: number,
): Promise<CommandError> {
  if (cause.code === "EADDRINUSE") {
    const owner = await ownerOf(port);
    const by = owner ? ` by pid ${owner.pid} (${owner.command})` : "";
    const other = port < 65_535 ? port + 1 : port - 1;
    return new CommandError(
      exitCodes.unavailable,
      `PORT ${port} is in use${by}; choose another with PORT=${other} or stop it.`,
      { cause },
    );
  }
  if (cause.code === "EACCES") {
    return new CommandError(exitCodes.notAllowed, `PORT ${port} needs rights this user doesn't have.`, {
      hint: "Choose one from 1024 up with PORT=…, and let a proxy listen on the lower one.",
      cause,
    });
  }
  return new CommandError(exitCodes.config, `HOST is "${host}"; expected an address of this machine.`, {
    cause,
  });
}

export async function ownerOf(port: number): Promise<PortOwner | null> {
  try {
    const sockets = await listeningSockets(port);
    if (sockets.size === 0) return null;
    for (const entry of await readdir("/proc")) {
      if (/^\d+$/.test(entry) && (await holdsOneOf(entry, sockets))) return await describe(entry);
    }
  } catch {
    // No /proc, or the process went away: the owner stays unknown.
  }
  return null;
}

const LISTEN = "0A";

async function listeningSockets(port: number): Promise<Set<string>> {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const found = new Set<string>();
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of (await readFile(file, "utf8").catch(() => "")).split("\n")) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      if (local?.endsWith(wanted) && state === LISTEN) found.add(`socket:[${inode}]`);
    }
  }
  return found;
}

async function holdsOneOf(pid: string, sockets: ReadonlySet<string>): Promise<boolean> {
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
  for (const descriptor of descriptors) {
    if (sockets.has(await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => ""))) return true;
  }
  return false;
}

async function describe(pid: string): Promise<PortOwner> {
  const commandLine = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0");
  const command = (await readFile(`/proc/${pid}/comm`, "utf8")).trim();
  const isRoost = commandLine.some((part) => /(^|\/)(src\/main\.ts|dist\/main\.js)$/.test(part));
  return { pid: Number(pid), command: isRoost ? "roost" : command, isRoost };
}
