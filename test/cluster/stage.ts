/** A whole cluster with people on it, and what must hold while its parts are broken. */
import { execFile, execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect } from "vitest";
import { signUp } from "../support/client.ts";
import { testCluster } from "../support/cluster-tenant.ts";
import { waitFor } from "../support/wait.ts";
import { Load, type People, type Relation, type Told } from "./load.ts";

export const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
/** Until people notice that nothing can take the place of what is away. */
const NOTICED_MS_MAX = 40_000;
const ANSWER_MS_MAX = 25_000;
/** Until answers are good again once the part is back, or others have taken over. */
export const HEALED_MS_MAX = 45_000;
const DELIVERED_MS_MAX = 45_000;
/** So many that a round among them takes as long as a fault. */
const STRANGERS = 30;
export const IN_A_ROW = 10;
export const FRONT = "haproxy";

interface PartStatus {
  readonly name: string;
  readonly what: string;
  readonly state: string;
  readonly pid: number | null;
  readonly ports: readonly number[];
}

export class Stage {
  readonly #people: People;
  #relations: Load["relations"] = new Map();

  private constructor(people: People) {
    this.#people = people;
  }

  /** Three who post, three who follow them all, and one who follows and blocks strangers. */
  static async set(): Promise<Stage> {
    const { url } = JSON.parse(roostCluster("up", "--json")) as { url: string };
    const run = Date.now().toString(36);
    const named = (what: string, count = 3) =>
      Array.from({ length: count }, (_, n) => `${what}_${run}_${n + 1}`);
    const authors = await signUp(url, ...named("author"));
    const readers = await signUp(url, ...named("reader"));
    for (const { client } of readers) for (const { id } of authors) await client.follow(id);
    const [wavering, ...strangers] = await signUp(url, ...named("stranger", 1 + STRANGERS));
    if (!wavering) throw new Error("nobody signed up");
    return new Stage({ authors, readers, wavering, strangers });
  }

  /** People at work, all of whom have been answered. */
  async load(): Promise<Load> {
    const load = new Load(this.#people, this.#relations);
    this.#relations = load.relations;
    await waitFor(() => load.acknowledged.length >= IN_A_ROW, 10_000, "posting works before").catch(
      async (error: unknown) => {
        await load.stop();
        throw error;
      },
    );
    return load;
  }

  /** Of a load that was stopped: posts, deletes, favourites, follows, blocks. */
  async expectNothingLost(load: Load): Promise<void> {
    await this.#expectPosts(load);
    expect(load.deleted.acknowledged.size, "there was something to lose").toBeGreaterThan(0);
    for (const [{ client, username }, { acknowledged }] of load.favourited) {
      expect(acknowledged.size, "there was something to lose").toBeGreaterThan(0);
      const missing: string[] = [];
      for (const id of acknowledged) {
        if (!(await client.get<{ favourited: boolean }>(`/api/v1/statuses/${id}`)).favourited)
          missing.push(id);
      }
      expect(missing, `favourites of ${username} that were lost`).toEqual([]);
    }
    const ids = [...load.relations.keys()];
    const query = ids.map((id) => `id[]=${id}`).join("&");
    const { client } = this.#people.wavering;
    const found = await client.get<(Relation & { id: string })[]>(`/api/v1/accounts/relationships?${query}`);
    expect(found.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    for (const { id, following, blocking } of found)
      expect(load.relations.get(id), `one of what may be between them and ${id}`).toContainEqual({
        following,
        blocking,
      });
  }

  async #expectPosts({ acknowledged, deleted }: Load): Promise<void> {
    const ids = acknowledged.filter((id) => !deleted.all.has(id));
    for (const { client, username } of this.#people.readers) {
      let missing: string[] = [];
      let seen = new Set<string>();
      await waitFor(
        async () => {
          const [oldest = "1"] = acknowledged.toSorted((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1));
          const pages = await client
            .homeByLinks(40, "prev", `&min_id=${BigInt(oldest) - 1n}`)
            .catch(() => []);
          seen = new Set(pages.flat());
          missing = ids.filter((id) => !seen.has(id));
          return missing.length === 0;
        },
        DELIVERED_MS_MAX,
        `all acknowledged posts are in the timeline of ${username}`,
      ).catch((error: Error) => {
        throw new Error(`${error.message}: ${missing.length} of ${ids.length} missing, first ${missing[0]}`);
      });
      const back = [...deleted.acknowledged].filter((id) => seen.has(id));
      expect(back, `deleted posts in the timeline of ${username}`).toEqual([]);
    }
  }
}

/** Good answers in a row, all to questions that were asked from now on. */
export async function healed(load: Load, what: "write" | "home", when: string): Promise<void> {
  const fromMs = performance.now();
  const isHealed = () => {
    const last = load.since(fromMs, what).slice(-IN_A_ROW);
    return last.length === IN_A_ROW && last.every(({ status }) => status === 200);
  };
  await waitFor(isHealed, HEALED_MS_MAX, `${what} works again when ${when}`).catch((error: Error) => {
    const last = load.told.filter((one) => one.what === what).slice(-3);
    throw new Error(`${error.message}; last answers: ${JSON.stringify(last)}`);
  });
}

export function refused(load: Load, what: "write" | "home", fromMs: number): Promise<void> {
  return waitFor(
    () => load.told.some((one) => one.what === what && one.atMs >= fromMs && one.status !== 200),
    NOTICED_MS_MAX,
    `${what} is refused`,
  );
}

/** Such as "home: 12 of 800 failed from 0.2 s to 0.6 s after the fault (…), the longest took 1.0 s". */
export function suffered(load: Load, what: "write" | "home", fromMs: number): string {
  const all = load.told.filter((one) => one.what === what && one.atMs >= fromMs);
  const failed = all.filter(({ status }) => status !== 200);
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
  const [first] = failed;
  const when = failed.map(({ atMs }) => seconds(atMs - fromMs));
  const last = first
    ? ` from ${when[0]} to ${when.at(-1)} after the fault (${first.says.slice(0, 80)} …)`
    : "";
  const longest = seconds(Math.max(0, ...all.map(({ tookMs }) => tookMs)));
  return `${what}: ${failed.length} of ${all.length} failed${last}, the longest took ${longest}`;
}

export function expectHonest(load: Load, beganMs: number, part: string): void {
  const since = load.told.filter(({ atMs }) => atMs >= beganMs);
  // With a process that had the request nobody knows what it did: 502, 504 or a connection that ends say so.
  const isUnknown = part === FRONT || part.startsWith("api");
  const isHonest = ({ status, retryAfter }: Told) =>
    status === 200 ||
    (status === 503 && retryAfter !== null) ||
    (isUnknown && (status === null || (/^50[24]$/.test(`${status}`) && retryAfter !== null)));
  expect(since.filter((one) => !isHonest(one)).slice(0, 3), "what fails says when to come again").toEqual([]);
  if (part === FRONT) return;
  expect(Math.max(...since.map(({ tookMs }) => tookMs)), "the longest answer").toBeLessThan(ANSWER_MS_MAX);
}

const commandOf = (args: readonly string[]) => [MAIN, "cluster", ...args, "--data-dir", testCluster ?? ""];
const options = () => ({
  encoding: "utf8" as const,
  env: { PATH: process.env.PATH, HOME: process.env.HOME, RATE_LIMITS: "off" },
});

/** A command of the cluster; resolves to what it said. Nothing else goes on here meanwhile, answers to load included. */
export function roostCluster(...args: string[]): string {
  return execFileSync(process.execPath, commandOf(args), {
    ...options(),
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** The same under load: on a busy machine a start takes longer than a request may, whose answer would be missed. */
export async function roostClusterUnderLoad(...args: string[]): Promise<void> {
  await promisify(execFile)(process.execPath, commandOf(args), options());
}

export function partsNow(): readonly PartStatus[] {
  let told: string;
  try {
    told = roostCluster("status", "--json");
  } catch (error) {
    // It ends with 1 while a part is away, and tells the same.
    told = `${(error as { stdout?: string }).stdout}`;
  }
  return (JSON.parse(told) as { parts: PartStatus[] }).parts;
}

/** The part that is "the primary" now, or the first of "a replica". */
export function nodeThatIs(role: "the primary" | "a replica"): PartStatus {
  const found = partsNow().find(({ what }) => what.startsWith(role));
  if (!found) throw new Error(`no part is ${role} now`);
  return found;
}
