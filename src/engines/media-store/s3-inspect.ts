/** Whether media can be kept where the S3_ settings say, asked before it's relied on: at every start, and by doctor. */
import { randomUUID } from "node:crypto";
import { within } from "../../core/clock.ts";
import { UnusableSetup } from "../../core/errors.ts";
import { openS3, type S3Address, shownAs, withoutKeys } from "./s3.ts";

const ANSWER_MS_MAX = 2_000;

/** Lists, writes and deletes; what it wrote is under no key, so nobody could ask for it. Throws UnusableSetup. */
export async function requireS3(address: S3Address): Promise<void> {
  const { sdk, client } = await openS3(address, { attemptsMax: 1 });
  const { bucket: Bucket, prefix } = address;
  const probe = { Bucket, Key: `${prefix === null ? "" : `${prefix}/`}.probe-${randomUUID()}` };
  const asked = async <T>(ask: (options: { abortSignal: AbortSignal }) => Promise<T>): Promise<T> => {
    const aborting = new AbortController();
    try {
      return await within(
        ask({ abortSignal: aborting.signal }),
        ANSWER_MS_MAX,
        () => new DOMException("no answer", "TimeoutError"),
      );
    } catch (error) {
      aborting.abort();
      throw problemOf(address, error);
    }
  };
  try {
    // Who may not list is told of what is missing that it may not be seen, and that would look like an outage.
    const listed = await asked((options) =>
      client.send(new sdk.ListObjectsV2Command({ Bucket, MaxKeys: 1 }), options),
    );
    if (listed.Name === undefined && listed.KeyCount === undefined)
      throw problemOf(address, new Error("no list"));
    await asked((options) =>
      client.send(new sdk.PutObjectCommand({ ...probe, Body: Buffer.alloc(0) }), options),
    );
    await asked((options) => client.send(new sdk.DeleteObjectCommand(probe), options));
  } finally {
    client.destroy();
  }
}

/** By the code of S3's answer, or of the connection that didn't come about. */
const PROBLEMS: Readonly<Record<string, (address: S3Address) => string>> = {
  NoSuchBucket: ({ bucket, endpoint }) =>
    `S3_BUCKET names ${bucket}, which isn't there${endpoint === null ? "" : ` at ${endpoint}`}: make it, or correct its name`,
  InvalidAccessKeyId: refusedKeys,
  SignatureDoesNotMatch: refusedKeys,
  AccessDenied: (address) =>
    `S3_ACCESS_KEY_ID may not list, write and delete in ${shownAs(address)}: ` +
    "allow it s3:ListBucket, s3:GetObject, s3:PutObject and s3:DeleteObject",
  PermanentRedirect: otherRegion,
  AuthorizationHeaderMalformed: otherRegion,
  RequestTimeTooSkewed: (address) =>
    `${shownAs(address)} finds this machine's clock wrong: set one of the two`,
  ECONNREFUSED: (address) => awayAs(address, "where nothing listens"),
  ENOTFOUND: (address) => awayAs(address, "a host that nobody knows"),
  EAI_AGAIN: (address) => awayAs(address, "a host whose name can't be resolved now"),
  TimeoutError: (address) => awayAs(address, "which doesn't answer"),
};

const AWAY: ReadonlySet<string> = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "TimeoutError"]);

function problemOf(address: S3Address, error: unknown): UnusableSetup {
  const { name, code = "" } = error as Error & { code?: string };
  const says =
    PROBLEMS[code] ??
    PROBLEMS[name] ??
    (/CERT|SIGNATURE$/.test(code) ? untrusted(code) : null) ??
    ((at) => awayAs(at, "which doesn't answer as S3 does"));
  const isAway = AWAY.has(code) || AWAY.has(name);
  return new UnusableSetup(says(address), { isAway, cause: withoutKeys(error as Error) });
}

function awayAs({ endpoint, region }: S3Address, why: string): string {
  return endpoint === null
    ? `S3_REGION names ${region} of Amazon S3, ${why}: correct it, or name another store in S3_ENDPOINT`
    : `S3_ENDPOINT names ${endpoint}, ${why}: start it or correct the address, or unset S3_BUCKET to keep media in DATA_DIR`;
}

function untrusted(code: string) {
  return (address: S3Address) =>
    `${shownAs(address)} shows a certificate that isn't trusted (${code}): correct its address, ` +
    "or name a file with its issuer's certificate in NODE_EXTRA_CA_CERTS";
}

function refusedKeys(address: S3Address): string {
  return `S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY are refused by ${shownAs(address)}: correct them`;
}

function otherRegion(address: S3Address): string {
  return `S3_REGION is ${address.region}, which isn't the region of ${shownAs(address)}: correct it`;
}
