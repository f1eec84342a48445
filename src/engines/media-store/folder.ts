import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { invariant } from "../../core/errors.ts";
import { contentTypeOf, isKey, type ListedMedia, type MediaStore, type StoredMedia } from "./port.ts";

/** Where files grow until they are whole. No key begins with a dot, so nothing in here can be asked for. */
const PARTIAL_FOLDER = ".partial";
/** No upload takes that long: what is older was left by a process that died. */
const ABANDONED_AFTER_MS = 3_600_000;

/**
 * Media as files below a folder; the type follows from the key's extension. A file is written beside, forced to disk,
 * then renamed into place, so a name is there with all of its bytes or not at all. Several processes may share it.
 */
export class FolderMediaStore implements MediaStore {
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
  }

  static async open(root: string): Promise<FolderMediaStore> {
    await makeFolder(join(root, PARTIAL_FOLDER));
    await removeAbandoned(join(root, PARTIAL_FOLDER));
    return new FolderMediaStore(root);
  }

  async put(key: string, body: Buffer, contentType: string): Promise<void> {
    invariant(contentTypeOf(key) === contentType, `${key} is a media key of ${contentType}`);
    const path = join(this.#root, key);
    const partial = join(this.#root, PARTIAL_FOLDER, randomUUID());
    await makeFolder(dirname(path));
    try {
      await writeDurably(partial, body);
      await rename(partial, path);
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
    await syncFolder(dirname(path));
  }

  async get(key: string): Promise<StoredMedia | null> {
    const contentType = contentTypeOf(key);
    if (contentType === undefined) return null;
    let file: FileHandle;
    try {
      file = await open(join(this.#root, key), "r");
    } catch (error) {
      if (isAbsence(error)) return null;
      throw error;
    }
    const found = await file.stat();
    if (!found.isFile()) {
      await file.close();
      return null;
    }
    return { body: file.createReadStream(), contentType, sizeBytes: found.size };
  }

  async delete(key: string): Promise<number | null> {
    if (contentTypeOf(key) === undefined) return null;
    const path = join(this.#root, key);
    try {
      const { size } = await stat(path);
      await rm(path);
      await syncFolder(dirname(path));
      return size;
    } catch (error) {
      if (!isAbsence(error)) throw error;
      return null;
    }
  }

  async *list(): AsyncIterable<ListedMedia> {
    yield* this.#listBelow("", await nowBy(join(this.#root, PARTIAL_FOLDER)));
  }

  /** The names of one folder at a time are held in memory. */
  async *#listBelow(prefix: string, nowMs: number): AsyncIterable<ListedMedia> {
    const entries = await readdir(join(this.#root, prefix), { withFileTypes: true });
    // With its slash, a folder comes where the keys of its files do.
    const names = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name));
    for (const name of names.sort((a, b) => (a < b ? -1 : 1))) {
      const key = prefix + name;
      if (name.endsWith("/")) {
        if (isKey(key.slice(0, -1))) yield* this.#listBelow(key, nowMs);
      } else if (contentTypeOf(key) !== undefined) {
        const found = await stat(join(this.#root, key)).catch(() => null);
        if (found) yield { key, sizeBytes: found.size, ageMs: nowMs - found.mtimeMs };
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

async function writeDurably(path: string, body: Buffer): Promise<void> {
  await using file = await open(path, "wx");
  await file.writeFile(body);
  await file.sync();
}

/** With the folders above it; the names of those that are new survive a power cut too. */
async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}

/** By the file system's own clock, which may be another machine's; other processes may be writing right now. */
async function removeAbandoned(folder: string): Promise<void> {
  const nowMs = await nowBy(folder);
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => null);
    if (found && nowMs - found.mtimeMs > ABANDONED_AFTER_MS) await rm(path, { force: true });
  }
}

/** The file system's clock, by a file that is made in the folder. */
async function nowBy(folder: string): Promise<number> {
  const probe = join(folder, randomUUID());
  await writeDurably(probe, Buffer.alloc(0));
  const { mtimeMs } = await stat(probe);
  await rm(probe);
  return mtimeMs;
}

function isAbsence(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "EISDIR", "ERR_FS_EISDIR"].includes(
    (error as NodeJS.ErrnoException).code ?? "",
  );
}
