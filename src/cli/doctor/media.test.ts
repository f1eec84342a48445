/** Of the settings of S3: what doctor says, and what ends a start, are the same. */
import { spawnSync } from "node:child_process";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../cluster/process.ts";
import { loadConfig } from "../../config.ts";
import { requireS3 } from "../../engines/media-store/s3-inspect.ts";
import { type SpawnedS3, s3Server, startS3 } from "../../engines/media-store/spawned.ts";
import { explain } from "../failure.ts";
import type { Terminal } from "../terminal.ts";
import { mediaChecks } from "./media.ts";

const SECRET = "hunter2";
const program = s3Server();

/** A key and its certificate by nobody in particular; empty where there is no openssl. */
const selfSigned =
  spawnSync(
    "openssl",
    "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=127.0.0.1 -keyout - -out -".split(" "),
    { encoding: "utf8" },
  ).stdout ?? "";

async function look(settings: Readonly<Record<string, string>> = {}) {
  const found = await mediaChecks[0]?.run(loadConfig(settings), {} as Terminal);
  return `${found?.status}: ${found?.says}`;
}

test("doctor needs no S3", async () => {
  expect(await look()).toMatch(/^skipped/);
});

describe.skipIf(program === null)("where S3_BUCKET is set (needs moto_server)", () => {
  const opened = new AsyncDisposableStack();
  let s3: SpawnedS3;
  /** What listens where, by what it is. */
  const ports: Record<string, number> = {};

  beforeAll(async () => {
    s3 = opened.use(await startS3(program ?? ""));
    ports.nothing = await freePort();
    ports.web = await listening(createHttpServer((_, answer) => answer.end("<html>")));
    ports.emptyWeb = await listening(createHttpServer((_, answer) => answer.writeHead(404).end("<html>")));
    ports.elsewhere = await listening(
      createHttpServer((asked, answer) => {
        const code = asked.url?.match(/^\/(\w+)/)?.[1];
        answer.writeHead(code === "PermanentRedirect" ? 301 : 403, { "content-type": "application/xml" });
        answer.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`);
      }),
    );
    const certified = { key: selfSigned, cert: selfSigned };
    if (selfSigned !== "")
      ports.selfSigned = await listening(createHttpsServer(certified, (_, answer) => answer.end()));
    ports.silent = await listening(createServer(() => {}));
    ports.other = await listening(createServer((socket) => socket.end("-ERR what?\r\n")));
  });
  afterAll(() => opened.disposeAsync());

  async function listening(server: Server): Promise<number> {
    const sockets = new Set<Socket>();
    server.on("connection", (socket) => sockets.add(socket.on("error", () => {})));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    opened.defer(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return (server.address() as AddressInfo).port;
  }

  test("doctor says so when all is well", async () => {
    expect(await look(s3.settings)).toMatch(/^ok: bucket roost-media at http:\/\/127\.0\.0\.1:\d+ can be /);
    expect(await look({ ...s3.settings, S3_PREFIX: "a/b" })).toMatch(/^ok/);
  });

  const at = (what: string, scheme = "http") => ({ S3_ENDPOINT: `${scheme}://127.0.0.1:${ports[what]}` });
  const start = "start it or correct the address, or unset S3_BUCKET to keep media in DATA_DIR";
  const names = String.raw`^S3_ENDPOINT names http://127\.0\.0\.1:\d+, `;
  const cases: readonly (readonly [why: string, settings: () => Record<string, string>, says: string])[] = [
    ["nobody there", () => at("nothing"), `${names}where nothing listens: ${start}`],
    ["a web server there", () => at("web"), `${names}which doesn't answer as S3 does: ${start}`],
    ["one that has nothing", () => at("emptyWeb"), `${names}which doesn't answer as S3 does: ${start}`],
    ["something else there", () => at("other"), `${names}which doesn't answer as S3 does: ${start}`],
    ["no answer", () => at("silent"), `${names}which doesn't answer: ${start}`],
    [
      "TLS where there is none",
      () => ({ S3_ENDPOINT: s3.settings.S3_ENDPOINT?.replace("http", "https") ?? "" }),
      "^S3_ENDPOINT names https://.*, which doesn't answer as S3 does: ",
    ],
    [
      "a host that isn't",
      () => ({ S3_ENDPOINT: "http://nowhere.invalid" }),
      "^S3_ENDPOINT names http://nowhere.invalid, (a host that nobody knows|a host whose name can't be resolved now|which doesn't answer): ",
    ],
    [
      "no such bucket",
      () => ({ S3_BUCKET: "none" }),
      String.raw`^S3_BUCKET names none, which isn't there at http://127\.0\.0\.1:\d+: make it, or correct its name`,
    ],
    ...(["S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"] as const).map(
      (name) =>
        [
          `another ${name}`,
          () => ({ [name]: SECRET }),
          "^S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY are refused by bucket roost-media at http://.*: correct them",
        ] as const,
    ),
    // As Amazon's answers are, which no server that is to be had here gives: the bucket's name is the answer's code.
    ...["PermanentRedirect", "AuthorizationHeaderMalformed"].map(
      (code) =>
        [
          `another region (${code})`,
          () => ({ ...at("elsewhere"), S3_BUCKET: code, S3_REGION: "eu-1" }),
          `^S3_REGION is eu-1, which isn't the region of bucket ${code} at http://.*: correct it`,
        ] as const,
    ),
    [
      "clocks that differ",
      () => ({ ...at("elsewhere"), S3_BUCKET: "RequestTimeTooSkewed" }),
      "^bucket RequestTimeTooSkewed at .* finds this machine's clock wrong: set one of the two",
    ],
    [
      "a certificate that nobody knows",
      () => at("selfSigned", "https"),
      String.raw`^bucket roost-media at https://.* isn't trusted \(\w+\): .* in NODE_EXTRA_CA_CERTS`,
    ],
    [
      "keys that may only read",
      () => s3.readerSettings,
      "^S3_ACCESS_KEY_ID may not list, write and delete in bucket roost-media at .*: allow it s3:ListBucket, ",
    ],
  ];

  test.concurrent.each(cases.filter(([why]) => selfSigned !== "" || !/certificate/.test(why)))(
    "a start is refused: %s",
    async (why, change, says) => {
      const settings = { ...s3.settings, ...change() };
      const { s3: address } = loadConfig(settings).config;
      if (!address) throw new Error("no bucket");
      const startedMs = performance.now();
      const { exitCode, lines } = explain(
        await requireS3(address).then(
          () => "it started",
          (error) => error,
        ),
      );
      expect(performance.now() - startedMs).toBeLessThan(5_000);
      // Right settings, perhaps, but nobody answers.
      expect(exitCode).toBe(/nobody there|no answer|a host that isn't/.test(why) ? 69 : 78);
      expect(lines).toEqual([expect.stringMatching(new RegExp(`${says}.*\\.$`))]);
      expect(lines.join()).not.toContain(SECRET);
      expect(lines.join()).not.toContain(settings.S3_SECRET_ACCESS_KEY);
      expect(`${await look(settings)}.`).toBe(`failed: ${lines[0]}`);
    },
  );
});
