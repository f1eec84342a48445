import { Readable } from "node:stream";
import { invariant } from "../../core/errors.ts";
import { contentTypeOf, type ListedMedia, type MediaStore, type StoredMedia } from "./port.ts";

/** For tests: gone with the process. */
export class MemoryMediaStore implements MediaStore {
  readonly #bodies = new Map<string, { body: Buffer; putAtMs: number }>();

  async put(key: string, body: Buffer, contentType: string): Promise<void> {
    invariant(contentTypeOf(key) === contentType, `${key} is a media key of ${contentType}`);
    this.#bodies.set(key, { body: Buffer.from(body), putAtMs: performance.now() });
  }

  async get(key: string): Promise<StoredMedia | null> {
    const { body } = this.#bodies.get(key) ?? {};
    const contentType = contentTypeOf(key);
    if (!body || contentType === undefined) return null;
    return { body: Readable.from([body], { objectMode: false }), contentType, sizeBytes: body.length };
  }

  async delete(key: string): Promise<number | null> {
    const found = this.#bodies.get(key);
    this.#bodies.delete(key);
    return found?.body.length ?? null;
  }

  async *list(): AsyncIterable<ListedMedia> {
    const byKey = [...this.#bodies].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [key, { body, putAtMs }] of byKey)
      yield { key, sizeBytes: body.length, ageMs: performance.now() - putAtMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#bodies.clear();
  }
}
