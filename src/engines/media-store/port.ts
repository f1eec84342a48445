import type { Readable } from "node:stream";

/** Pictures under keys that are never used twice. What was put stays until it's deleted, whatever is killed. */
export interface MediaStore extends AsyncDisposable {
  /** Durable when it resolves. `key` is slash-separated names of [a-z0-9.-], as `checkKey` demands. */
  put(key: string, body: Buffer, contentType: string): Promise<void>;

  /** Null when there is nothing under the key, or the key is no key. */
  get(key: string): Promise<StoredMedia | null>;

  /** Nothing to delete is fine. */
  delete(key: string): Promise<void>;
}

export interface StoredMedia {
  readonly body: Readable;
  readonly contentType: string;
  readonly sizeBytes: number;
}

/** Names without dots in front, so that no key leads out of the store. */
export function isKey(key: string): boolean {
  return key.length <= 200 && /^[a-z0-9][a-z0-9.-]*(\/[a-z0-9][a-z0-9.-]*)*$/.test(key);
}
