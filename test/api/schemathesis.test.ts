/** Everything that the OpenAPI document names, asked in every shape by schemathesis: no answer is a 5xx. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { type SignedUp, signUp } from "../support/client.ts";
import { startRoost } from "../support/start-roost.ts";

const installer = fileURLToPath(new URL("../../scripts/install-checkers", import.meta.url));
const program = join(spawnSync(installer, ["--where"], { encoding: "utf8" }).stdout.trim(), "schemathesis");
const isWanted = existsSync(program) || process.env.REQUIRE_CHECKERS === "1";
const why = isWanted ? "" : " (skipped: scripts/install-checkers brings schemathesis)";

const EXAMPLES = 20;
const seed = Number(process.env.PROPERTY_SEED ?? Date.now() % 2 ** 31);
/** The edges of every parameter, one after the other, take twice as long again. */
const phases = process.env.TEST_LONG === "1" ? "examples,coverage,fuzzing" : "examples,fuzzing";
const MS_MAX = 480_000;

interface Parameter {
  readonly in: string;
  readonly name: string;
  schema: object;
}
interface Document {
  readonly paths: Record<string, Record<string, { parameters?: Parameter[] }>>;
}

/** The document, where ids of paths are of something that is there as often as of nothing. */
async function documentOf(url: string, alice: SignedUp, bob: SignedUp): Promise<Document> {
  const status = await bob.client.publish("A post");
  const own = await alice.client.publish("One of hers");
  const list = await alice.client.post<{ id: string }>("/api/v1/lists", { title: "A list" });
  const ids = [alice.id, bob.id, status.id, own.id, list.id];
  const document = (await (await fetch(`${url}/api/openapi.json`)).json()) as Document;
  for (const operations of Object.values(document.paths)) {
    for (const { parameters = [] } of Object.values(operations)) {
      for (const parameter of parameters) {
        if (parameter.in === "path" && parameter.name === "id")
          parameter.schema = { anyOf: [{ enum: ids }, { type: "string" }] };
      }
    }
  }
  return document;
}

function run(args: readonly string[], folder: string): Promise<{ code: number | null; told: string }> {
  const child = spawn(program, args, { cwd: folder, env: { ...process.env, NO_COLOR: "1" } });
  let told = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      told = (told + chunk.toString()).slice(-100_000);
    });
  const late = setTimeout(() => child.kill(), MS_MAX);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(late);
      resolve({ code, told });
    });
  });
}

test.skipIf(!isWanted)(`schemathesis finds no 5xx${why}`, { timeout: MS_MAX + 120_000 }, async () => {
  await using roost = await startRoost();
  const folder = mkdtempSync(join(tmpdir(), "roost-schemathesis-"));
  try {
    const [alice, bob] = await signUp(roost.url, "alice", "bob");
    if (!alice || !bob) throw new Error("two accounts were asked for");
    writeFileSync(join(folder, "openapi.json"), JSON.stringify(await documentOf(roost.url, alice, bob)));
    const { code, told } = await run(
      [
        ...[
          "run",
          "openapi.json",
          "--url",
          roost.url,
          "--header",
          `Authorization: Bearer ${alice.client.token}`,
        ],
        ...["--checks", "not_a_server_error", "--max-examples", `${EXAMPLES}`, "--seed", `${seed}`],
        ...["--phases", phases, "--workers", "2", "--request-timeout", "20"],
        ...["--generation-database", "none", "--warnings", "off", "--continue-on-failure"],
        // How fast values are made up is the machine's business.
        ...["--suppress-health-check", "all"],
      ],
      folder,
    );
    expect(code, `seed ${seed}\n${told}`).toBe(0);
    expect(told).toMatch(/\b[1-9]\d* passed/);
    expect(roost.output()).not.toContain("a bug: an error that nothing expected");
    // The token was good to the end: what it opens has been looked at.
    expect((await alice.client.ask("GET", "/api/v1/timelines/home")).status).toBe(200);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
