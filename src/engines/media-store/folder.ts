import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { invariant } from "../../core/errors.ts";
import { isKey, type MediaStore, type StoredMedia } from "./port.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".jpg": "image/jpeg",
  ".png": "image/png",
  ".gif": "image/gif",
  ".webp": "image/webp",
  ".avif": "image/avif",
};

/** Media as files below a folder; the type follows from the key's extension. */
export class FolderMediaStore implements MediaStore {
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
  }

  static async open(root: string): Promise<FolderMediaStore> {
    await mkdir(root, { recursive: true });
    return new FolderMediaStore(root);
  }

  async put(key: string, body: Buffer, contentType: string): Promise<void> {
    invariant(isKey(key), `a media key is well formed: ${key}`);
    invariant(TYPES[extname(key)] === contentType, `${contentType} has the extension of ${key}`);
    const path = join(this.#root, key);
    const folder = dirname(path);
    await mkdir(folder, { recursive: true });
    const partial = join(folder, `.${randomUUID()}`);
    try {
      await using file = await open(partial, "wx");
      await file.writeFile(body);
      await file.sync();
      await rename(partial, path);
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
    // The name itself must survive a crash too.
    await using entry = await open(folder, "r");
    await entry.sync();
  }

  async get(key: string): Promise<StoredMedia | null> {
    const contentType = TYPES[extname(key)];
    if (!isKey(key) || contentType === undefined) return null;
    let file: FileHandle;
    try {
      file = await open(join(this.#root, key), "r");
    } catch (error) {
      if (["ENOENT", "ENOTDIR", "EISDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return null;
      throw error;
    }
    const { size } = await file.stat();
    return { body: file.createReadStream(), contentType, sizeBytes: size };
  }

  async delete(key: string): Promise<void> {
    if (isKey(key)) await rm(join(this.#root, key), { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
