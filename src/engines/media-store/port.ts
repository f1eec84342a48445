import type { Readable } from "node:stream";

/**
 * Pictures under keys that we make and never use twice. What was put stays until it's deleted, whatever is killed;
 * a put that was cut off leaves nothing that can be read.
 */
export interface MediaStore extends AsyncDisposable {
  /**
   * Durable when it resolves. `key` satisfies `isKey` and its extension is that of `contentType` in `CONTENT_TYPES`;
   * anything else is a bug of ours, and throws. Putting the same again is fine.
   */
  put(key: string, body: Buffer, contentType: string): Promise<void>;

  /** Null when there is nothing under the key, or the key is no key: it may come straight from a URL. */
  get(key: string): Promise<StoredMedia | null>;

  /** Resolves to how many bytes it had; null when there was nothing, which is fine. */
  delete(key: string): Promise<number | null>;

  /**
   * Everything, in the order of the keys' characters; what comes or goes meanwhile may be among it or not. Names that
   * are no keys are left out.
   */
  list(): AsyncIterable<ListedMedia>;
}

export interface ListedMedia {
  readonly key: string;
  readonly sizeBytes: number;
  /** Since it was put, give or take what clocks may differ by: a quarter of an hour in S3. */
  readonly ageMs: number;
}

export interface StoredMedia {
  /** To be read to its end or destroyed, or it stays open. */
  readonly body: Readable;
  readonly contentType: string;
  readonly sizeBytes: number;
}

/** By extension. Nothing a browser would run. */
export const CONTENT_TYPES: ReadonlyMap<string, string> = new Map([
  ["jpg", "image/jpeg"],
  ["png", "image/png"],
  ["gif", "image/gif"],
  ["webp", "image/webp"],
]);

/** Slash-separated names of [a-z0-9.-] that begin with a letter or digit, so that no key leads out of the store. */
export function isKey(key: string): boolean {
  return key.length <= 200 && /^[a-z0-9][a-z0-9.-]*(?:\/[a-z0-9][a-z0-9.-]*)*$/.test(key);
}

/** Undefined when nothing can be stored under the key. */
export function contentTypeOf(key: string): string | undefined {
  return isKey(key) ? CONTENT_TYPES.get(key.slice(key.lastIndexOf(".") + 1)) : undefined;
}
