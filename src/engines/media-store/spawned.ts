/** For tests: a real S3 server on loopback, moto's, which scripts/install-checkers brings. It keeps objects in memory. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { accepts, freePort, launch, type ManagedProcess } from "../../cluster/process.ts";
import { openS3, type S3Address } from "./s3.ts";

export interface SpawnedS3 extends AsyncDisposable {
  /** Of a bucket that is there. */
  readonly address: S3Address;
  /** The same as settings. */
  readonly settings: Readonly<Record<string, string>>;
  /** Keys that may list and read only. */
  readonly readerSettings: Readonly<Record<string, string>>;
  /** SIGKILL: nothing listens any more, and what was kept is gone. */
  kill(): Promise<void>;
  /** After `kill`: on its port, with an empty bucket, and for whatever keys. */
  restart(): Promise<void>;
  /** SIGSTOP: connections are taken and nothing answers. */
  freeze(): void;
  thaw(): void;
}

const installer = fileURLToPath(new URL("../../../scripts/install-checkers", import.meta.url));
const READY_MS_MAX = 20_000;
const REGION = "us-east-1";
/** That many requests are taken unsigned, and only those: what it takes to make two users. */
const UNSIGNED_ACTIONS = 6;
/** Says which of Amazon's services is meant; the signature isn't looked at yet. */
const FOR_IAM = `AWS4-HMAC-SHA256 Credential=x/20260101/${REGION}/iam/aws4_request, SignedHeaders=host, Signature=x`;

/** Null, and said so, where there is none; an error where all of the checkers have to be there. */
export function s3Server(): string | null {
  const program = join(spawnSync(installer, ["--where"], { encoding: "utf8" }).stdout.trim(), "moto_server");
  if (existsSync(program)) return program;
  if (process.env.REQUIRE_CHECKERS === "1")
    throw new Error(`${program} isn't there: run scripts/install-checkers`);
  console.log("skipped: what needs an S3 server, since it isn't there (scripts/install-checkers brings it)");
  return null;
}

export async function startS3(program: string): Promise<SpawnedS3> {
  await using opened = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "roost-s3-"));
  opened.defer(() => rmSync(folder, { recursive: true, force: true }));
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const args = ["-H", "127.0.0.1", "-p", `${port}`];
  const isReady = () => accepts(port);
  const spec = { name: "s3", folder, command: program, args, isReady, readyMsMax: READY_MS_MAX };
  const env = { INITIAL_NO_AUTH_ACTION_COUNT: `${UNSIGNED_ACTIONS}` };
  let server: ManagedProcess = await launch({ ...spec, env });
  opened.defer(() => server.stop(0));
  const { writer, reader } = await makeUsers(endpoint);
  const address = { endpoint, region: REGION, bucket: "roost-media", prefix: null, ...writer };
  await makeBucket(address);
  const closing = opened.move();
  return {
    address,
    settings: {
      S3_ENDPOINT: address.endpoint,
      S3_BUCKET: address.bucket,
      ...keySettings(writer),
    },
    readerSettings: keySettings(reader),
    kill: () => server.stop(0),
    restart: async () => {
      server = await launch(spec);
      await makeBucket(address);
    },
    freeze: () => void server.signal("SIGSTOP"),
    thaw: () => void server.signal("SIGCONT"),
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

type Keys = Pick<S3Address, "accessKeyId" | "secretAccessKey">;

const keySettings = ({ accessKeyId, secretAccessKey }: Keys) => ({
  S3_ACCESS_KEY_ID: accessKeyId,
  S3_SECRET_ACCESS_KEY: secretAccessKey,
});

/** From the last of them on, moto holds every request's signature against its user's secret. */
async function makeUsers(endpoint: string): Promise<{ writer: Keys; reader: Keys }> {
  const ask = async (action: Readonly<Record<string, string>>) => {
    const body = new URLSearchParams({ Version: "2010-05-08", ...action });
    return (await fetch(endpoint, { method: "POST", headers: { Authorization: FOR_IAM }, body })).text();
  };
  const make = async (UserName: string, Action: readonly string[]): Promise<Keys> => {
    const policy = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action, Resource: "*" }] };
    await ask({ Action: "CreateUser", UserName });
    await ask({
      Action: "PutUserPolicy",
      UserName,
      PolicyName: "its",
      PolicyDocument: JSON.stringify(policy),
    });
    const answer = await ask({ Action: "CreateAccessKey", UserName });
    const field = (name: string) => answer.match(new RegExp(`<${name}>(.*)</${name}>`))?.[1] ?? "";
    return { accessKeyId: field("AccessKeyId"), secretAccessKey: field("SecretAccessKey") };
  };
  return { writer: await make("writer", ["s3:*"]), reader: await make("reader", ["s3:List*", "s3:Get*"]) };
}

async function makeBucket(address: S3Address): Promise<void> {
  const { sdk, client } = await openS3(address);
  await client.send(new sdk.CreateBucketCommand({ Bucket: address.bucket }));
  client.destroy();
}
