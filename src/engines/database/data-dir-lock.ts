/**
 * One Roost a data directory. On Linux the lock is a socket in the abstract namespace: the kernel frees it the moment
 * its process ends, however it ends, so nothing stale can be left and two starts can't both win. Elsewhere it's a
 * socket in the temporary folder; a stale one is told from a living one by connecting to it.
 */
import { createHash } from "node:crypto";
import { readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Unavailable } from "../../core/errors.ts";

export class DataDirInUse extends Unavailable {}

const PID_FILE = "roost.pid";

/** Throws DataDirInUse when another process holds it. */
export async function lockDataDir(dataDir: string): Promise<AsyncDisposable> {
  const address = addressOf(dataDir);
  const server = await listen(address).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== "EADDRINUSE") throw error;
    if (address.startsWith("\0") || (await answers(address))) throw inUse(dataDir);
    rmSync(address, { force: true });
    return listen(address);
  });
  server.unref();
  writeFileSync(join(dataDir, PID_FILE), `${process.pid}\n`);
  return {
    [Symbol.asyncDispose]: async () => {
      rmSync(join(dataDir, PID_FILE), { force: true });
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Whether a Roost has it open right now. */
export async function isDataDirLocked(dataDir: string): Promise<boolean> {
  return answers(addressOf(dataDir));
}

function addressOf(dataDir: string): string {
  const name = `roost-${createHash("sha256").update(realpathSync(dataDir)).digest("hex").slice(0, 24)}`;
  return process.platform === "linux" ? `\0${name}` : join(tmpdir(), `${name}.sock`);
}

function listen(address: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.end());
    server.once("error", reject);
    server.listen(address, () => resolve(server));
  });
}

function answers(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

function inUse(dataDir: string): DataDirInUse {
  let owner = "another Roost process";
  try {
    owner = `the Roost process ${readFileSync(join(dataDir, PID_FILE), "utf8").trim()}`;
  } catch {
    // It has the lock and hasn't written its number yet.
  }
  return new DataDirInUse(`DATA_DIR ${dataDir} is in use by ${owner}: stop it, or choose another DATA_DIR`);
}
