import { Readable } from "node:stream";
import { invariant } from "../../core/errors.ts";
import { contentTypeOf, type MediaStore, type StoredMedia } from "./port.ts";

/** For tests: gone with the process. */
export class MemoryMediaStore implements MediaStore {
  readonly #bodies = new Map<string, Buffer>();

  async put(key: string, body: Buffer, contentType: string): Promise<void> {
    invariant(contentTypeOf(key) === contentType, `${key} is a media key of ${contentType}`);
    this.#bodies.set(key, Buffer.from(body));
  }

  async get(key: string): Promise<StoredMedia | null> {
    const body = this.#bodies.get(key);
    const contentType = contentTypeOf(key);
    if (!body || contentType === undefined) return null;
    return { body: Readable.from([body], { objectMode: false }), contentType, sizeBytes: body.length };
  }

  async delete(key: string): Promise<void> {
    this.#bodies.delete(key);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#bodies.clear();
  }
}
