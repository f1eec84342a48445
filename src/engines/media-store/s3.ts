import { Readable } from "node:stream";
import type { S3Client, S3ClientConfig } from "@aws-sdk/client-s3";
import type { Logger } from "pino";
import { type Clock, within } from "../../core/clock.ts";
import { invariant, Unavailable } from "../../core/errors.ts";
import { Outages } from "../../core/outages.ts";
import { contentTypeOf, type ListedMedia, type MediaStore, type StoredMedia } from "./port.ts";

export interface S3Address {
  /** Null: Amazon's own. */
  readonly endpoint: string | null;
  readonly region: string;
  readonly bucket: string;
  /** Before every key, with a slash between; null for none. */
  readonly prefix: string | null;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface S3MediaStoreOptions {
  readonly log: Logger;
  readonly clock: Clock;
  /** 3 s and 5 s unless given. */
  readonly deadlinesMs?: Deadlines;
  /** Told when the store goes away and when it's back. */
  readonly onChange?: (isAway: boolean) => void;
}

interface Deadlines {
  /** Until the store answers, with its retries; a put has in addition what its bytes take. */
  readonly answer: number;
  /** For the next bytes of a body whose beginning has come. What the reader takes doesn't count. */
  readonly bodyPause: number;
}

const DEADLINES_MS: Deadlines = { answer: 3_000, bodyPause: 5_000 };
const CONNECT_MS_MAX = 1_000;
/** Of a put: slower than this, and the store counts as away. 1 MB a second. */
const BYTES_PER_MS_MIN = 1_000;
/** The SDK's own are three with pauses of up to 20 s; what is away for longer than a second answer takes is away. */
const ATTEMPTS_MAX = 2;
const SOCKETS_MAX = 100;

/**
 * Media as objects of a bucket, in any store that speaks S3; their type follows from the key's extension. The store
 * shows an object with all of its bytes or not at all, and keeps what it has acknowledged.
 */
export class S3MediaStore implements MediaStore {
  readonly #address: S3Address;
  readonly #outages: Outages;
  readonly #clock: Clock;
  readonly #deadlinesMs: Deadlines;
  /** Not before it's needed: the SDK takes 35 MB, and who serves no requests stores nothing. */
  #opened: Promise<{ sdk: Sdk; client: S3Client }> | null = null;

  constructor(address: S3Address, options: S3MediaStoreOptions) {
    const { log, clock, onChange = () => {}, deadlinesMs = DEADLINES_MS } = options;
    this.#address = address;
    this.#clock = clock;
    this.#deadlinesMs = deadlinesMs;
    const says = {
      began: `${shownAs(address)} can't be used; until it's back, media are neither stored nor shown`,
      over: `${shownAs(address)} is back`,
      refusal: "Media can't be stored or read right now. Try again in a moment",
    };
    this.#outages = new Outages({ says, log, clock, onChange });
  }

  async put(key: string, body: Buffer, contentType: string): Promise<void> {
    invariant(contentTypeOf(key) === contentType, `${key} is a media key of ${contentType}`);
    const msMax = this.#deadlinesMs.answer + body.length / BYTES_PER_MS_MIN;
    await this.#ask(msMax, ({ sdk, client }, abortSignal) => {
      const put = { ...this.#named(key), Body: body, ContentLength: body.length, ContentType: contentType };
      return client.send(new sdk.PutObjectCommand(put), { abortSignal });
    });
  }

  async get(key: string): Promise<StoredMedia | null> {
    const contentType = contentTypeOf(key);
    if (contentType === undefined) return null;
    return this.#ask(this.#deadlinesMs.answer, async ({ sdk, client }, abortSignal) => {
      try {
        const found = await client.send(new sdk.GetObjectCommand(this.#named(key)), { abortSignal });
        const { Body: body, ContentLength: sizeBytes } = found;
        if (!(body instanceof Readable) || sizeBytes === undefined)
          throw new Error("an answer without a body");
        return { body: bounded(body, this.#deadlinesMs.bodyPause), contentType, sizeBytes };
      } catch (error) {
        // That there is no such bucket is a 404 too.
        if (error instanceof sdk.NoSuchKey) return null;
        throw error;
      }
    });
  }

  /** S3 doesn't say whether there was anything to delete. */
  async delete(key: string): Promise<number | null> {
    if (contentTypeOf(key) === undefined) return null;
    return this.#ask(this.#deadlinesMs.answer, async ({ sdk, client }, abortSignal) => {
      let sizeBytes: number | null = null;
      try {
        const found = await client.send(new sdk.HeadObjectCommand(this.#named(key)), { abortSignal });
        sizeBytes = found.ContentLength ?? 0;
      } catch (error) {
        // An answer without a body has no code; that there is no such bucket, the deletion finds out.
        if (!(error instanceof sdk.NotFound)) throw error;
      }
      await client.send(new sdk.DeleteObjectCommand(this.#named(key)), { abortSignal });
      return sizeBytes;
    });
  }

  async *list(): AsyncIterable<ListedMedia> {
    const { bucket: Bucket, prefix } = this.#address;
    const Prefix = prefix === null ? "" : `${prefix}/`;
    let ContinuationToken: string | undefined;
    let last = "";
    do {
      const page = await this.#ask(this.#deadlinesMs.answer, ({ sdk, client }, abortSignal) =>
        client.send(new sdk.ListObjectsV2Command({ Bucket, Prefix, ContinuationToken }), { abortSignal }),
      );
      for (const { Key = "", Size = 0, LastModified } of page.Contents ?? []) {
        const key = Key.slice(Prefix.length);
        if (contentTypeOf(key) === undefined || !LastModified) continue;
        // Whoever compares it with another list would take what is there for missing.
        if (key <= last) throw new Unavailable(`${shownAs(this.#address)} doesn't list objects in order`);
        last = key;
        yield { key, sizeBytes: Size, ageMs: this.#clock.nowMs() - LastModified.getTime() };
      }
      ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (ContinuationToken !== undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    (await this.#opened)?.client.destroy();
  }

  #named(key: string): { Bucket: string; Key: string } {
    const { bucket, prefix } = this.#address;
    return { Bucket: bucket, Key: prefix === null ? key : `${prefix}/${key}` };
  }

  async #ask<T>(msMax: number, ask: (opened: Opened, signal: AbortSignal) => Promise<T>): Promise<T> {
    this.#opened ??= openS3(this.#address);
    const opened = await this.#opened;
    const aborting = new AbortController();
    const work = () =>
      ask(opened, aborting.signal).catch((error: Error) => {
        throw withoutKeys(error);
      });
    return this.#outages.run("", msMax, work).catch((error: unknown) => {
      // Nobody waits for it any more, so it needn't hold a connection.
      aborting.abort();
      throw error;
    });
  }
}

type Sdk = typeof import("@aws-sdk/client-s3");

export interface Opened {
  readonly sdk: Sdk;
  readonly client: S3Client;
}

/** A client; nothing is asked of the store yet. */
export async function openS3(address: S3Address, { attemptsMax = ATTEMPTS_MAX } = {}): Promise<Opened> {
  const sdk = await import("@aws-sdk/client-s3");
  return { sdk, client: new sdk.S3Client({ ...clientOptions(address), maxAttempts: attemptsMax }) };
}

/** S3's errors repeat what was signed, and by whom: nothing for a log. */
export function withoutKeys({ name, message }: Error): Error {
  return new Error(name === "Error" ? message : `${name}: ${message}`);
}

/** For messages: without what is secret. */
export function shownAs({ endpoint, region, bucket }: S3Address): string {
  return `bucket ${bucket} ${endpoint === null ? `of Amazon S3 in ${region}` : `at ${endpoint}`}`;
}

function clientOptions({ endpoint, region, accessKeyId, secretAccessKey }: S3Address): S3ClientConfig {
  return {
    region,
    credentials: { accessKeyId, secretAccessKey },
    // With the bucket in the path, since bucket.host has no address in most stores that aren't Amazon's, and where it
    // has one, often no certificate.
    ...(endpoint === null ? {} : { endpoint, forcePathStyle: true }),
    // What our own settings don't say, the environment of the process shouldn't either.
    ignoreConfiguredEndpointUrls: true,
    // Many stores know nothing of the checksums that the SDK would add. What is sent is signed with its SHA-256 anyhow.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: {
      connectionTimeout: CONNECT_MS_MAX,
      httpAgent: { keepAlive: true, maxSockets: SOCKETS_MAX },
      httpsAgent: { keepAlive: true, maxSockets: SOCKETS_MAX },
    },
  };
}

/** Ends with an error when the store stops in the middle; a reader who is slow may be. */
function bounded(body: Readable, pauseMsMax: number): Readable {
  const late = () => new Unavailable(`no more bytes of a stored file within ${pauseMsMax} ms`);
  const chunks = body[Symbol.asyncIterator]();
  const read = async function* () {
    for (;;) {
      const next = await within(chunks.next(), pauseMsMax, late);
      if (next.done) return;
      yield next.value as Buffer;
    }
  };
  // When nobody has begun to read, nobody else listens.
  body.on("error", () => {});
  return Readable.from(read(), { objectMode: false }).once("close", () => body.destroy());
}
