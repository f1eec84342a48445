/** Drives a real server through its HTTP API and the model beside it, step by step. */
import { deepStrictEqual } from "node:assert/strict";
import { sleep } from "../../src/core/clock.ts";
import { makeId } from "../../src/core/ids.ts";
import { insertAccount } from "../support/accounts.ts";
import { Client, type Status } from "../support/client.ts";
import type { OpenedRoost } from "../support/open-roost.ts";
import { Model, type ModelStatus, type Visibility } from "./model.ts";
import { ACCOUNTS, describe, type Step } from "./steps.ts";

const VISIBILITIES: readonly Visibility[] = ["public", "public", "unlisted", "private", "direct"];
const IDLE_MS_MAX = 10_000;
/** Two such steps pass the window of repeated boosts, one what a store keeps in these tests. */
const MANY_POSTS = 42;
const MUTE_SECONDS = 2;
/** A mute about to end is waited out first: what a read beside its end gives, nobody can say. */
const MUTE_ENDS_MS = 1_500;

interface Person {
  readonly id: bigint;
  readonly username: string;
  readonly client: Client;
  listId: string | null;
}

let made = 0;

export class World {
  readonly #roost: OpenedRoost;
  readonly #people: Person[];
  readonly #model = new Model(ACCOUNTS);
  /** When the mutes that end by themselves have certainly ended, by "actor>target". */
  readonly #muteEnds = new Map<string, { actor: number; target: number; atMs: number }>();

  private constructor(roost: OpenedRoost, people: Person[]) {
    this.#roost = roost;
    this.#people = people;
  }

  /** New accounts for each world, put straight into the database: hashing passwords isn't what is tested here. */
  static async create(roost: OpenedRoost): Promise<World> {
    const { db } = roost.database;
    const people: Person[] = [];
    for (let i = 0; i < ACCOUNTS; i++) {
      const number = made++;
      const id = makeId(Date.UTC(2025, 0, 1) + number, number % 1024, 0);
      const username = `p${number}`;
      const token = await insertAccount(db, id, username);
      people.push({ id, username, client: new Client(roost.url, token), listId: null });
    }
    return new World(roost, people);
  }

  /** Begins as a life does: people follow each other, as the bits of `follows` say, and have read their timelines. */
  async begin(follows: number): Promise<void> {
    for (let actor = 0; actor < ACCOUNTS; actor++) {
      for (let target = 0; target < ACCOUNTS; target++) {
        const isChosen = (follows >> (actor * ACCOUNTS + target)) & 1;
        if (isChosen && actor !== target) await this.#follow(actor, target, true);
      }
      await this.#page(actor, "limit=1");
    }
    await this.#settle();
  }

  async take(step: Step): Promise<void> {
    await this.#outlastMutes(MUTE_ENDS_MS);
    await this.#take(step);
    // What the actor did must show to the actor at once; everything else has settled before this step.
    const shown = await this.#page(step.actor, "limit=40");
    deepStrictEqual(
      shown,
      this.#model.home(step.actor).slice(0, 40),
      `own view right after ${describe(step)}`,
    );
    await this.#settle();
  }

  /** Every viewer's whole timeline, in pages of this size, and pages at cursors of all three kinds. */
  async check(limit: number): Promise<void> {
    await this.#outlastMutes(MUTE_SECONDS * 2_000);
    for (let viewer = 0; viewer < ACCOUNTS; viewer++) {
      const expected = this.#model.home(viewer);
      deepStrictEqual(
        await this.#scroll(viewer, limit),
        expected,
        `the whole timeline of ${viewer}, ${limit} a page`,
      );
      const cursors = [...expected, ...this.#model.statuses.map((status) => status.id)];
      for (const cursor of cursors.filter((_, i) => i % 3 === limit % 3).slice(0, 4)) {
        const older = expected.filter((id) => id < cursor).slice(0, limit);
        const newer = expected.filter((id) => id > cursor);
        const at = `of ${viewer} at ${cursor}, limit ${limit}`;
        deepStrictEqual(await this.#page(viewer, `max_id=${cursor}&limit=${limit}`), older, `max_id ${at}`);
        deepStrictEqual(
          await this.#page(viewer, `since_id=${cursor}&limit=${limit}`),
          newer.slice(0, limit),
          `since_id ${at}`,
        );
        deepStrictEqual(
          await this.#page(viewer, `min_id=${cursor}&limit=${limit}`),
          newer.slice(-limit),
          `min_id ${at}`,
        );
      }
    }
  }

  async #scroll(viewer: number, limit: number): Promise<bigint[]> {
    const ids: bigint[] = [];
    for (let query = `limit=${limit}`; ; ) {
      const page = await this.#page(viewer, query);
      const last = page.at(-1);
      if (last === undefined) return ids;
      ids.push(...page);
      query = `limit=${limit}&max_id=${last}`;
    }
  }

  async #page(viewer: number, query: string): Promise<bigint[]> {
    const page = await this.#person(viewer).client.get<Status[]>(`/api/v1/timelines/home?${query}`);
    return page.map((status) => BigInt(status.id));
  }

  /** Waits for the end of mutes that end within this time. */
  async #outlastMutes(withinMs: number): Promise<void> {
    for (const [key, { actor, target, atMs }] of this.#muteEnds) {
      const leftMs = atMs - Date.now();
      if (leftMs > withinMs) continue;
      await sleep(Math.max(0, leftMs));
      this.#muteEnds.delete(key);
      this.#model.account(actor).muting.delete(target);
    }
  }

  async #settle(): Promise<void> {
    for (let waitedMs = 0; waitedMs < IDLE_MS_MAX; waitedMs += 2) {
      if (await this.#roost.isIdle()) return;
      await sleep(2);
    }
    throw new Error(`fan-out wasn't done after ${IDLE_MS_MAX} ms`);
  }

  async #take(step: Step): Promise<void> {
    switch (step.kind) {
      case "post":
      case "reply":
        return this.#post(step);
      case "boost":
      case "unboost":
        return this.#boost(step);
      case "edit":
      case "delete":
        return this.#change(step);
      case "mode":
        return this.#roost.modes.switchTo(
          this.#person(step.target).id,
          step.option % 2 === 0 ? "pull" : "push",
        );
      case "lose caches":
        return await this.#roost.loseCaches();
      case "wait":
        return sleep(30);
      case "many posts":
        return this.#manyPosts(step);
      case "boost in hiding":
        return this.#boostInHiding(step);
      case "mute for a while":
        return this.#muteForAWhile(step);
      case "name the unwanted":
        return this.#nameTheUnwanted(step);
      case "exclude":
      case "include":
        return this.#exclusive(step);
      case "lock":
        return this.#lock(step);
      default:
        return this.#relate(step);
    }
  }

  async #post({ kind, actor, target, pick, option }: Step): Promise<void> {
    const model = this.#model;
    const answerable = model.statuses.filter((status) => !status.boosts && model.canSee(actor, status));
    const replied = kind === "reply" ? chosen(answerable, pick) : null;
    if (kind === "reply" && !replied) return;
    const visibility = VISIBILITIES[option % VISIBILITIES.length] ?? "public";
    const mentions = new Set(option % 2 === 0 && target !== actor ? [target] : []);
    const posted = await this.#person(actor).client.post<Status>("/api/v1/statuses", {
      status: this.#text(mentions),
      visibility,
      ...(replied ? { in_reply_to_id: `${replied.id}` } : {}),
    });
    const id = BigInt(posted.id);
    model.statuses.push({
      id,
      author: actor,
      visibility,
      mentions,
      repliedTo: replied?.author ?? null,
      boosts: null,
    });
  }

  async #manyPosts({ actor }: Step): Promise<void> {
    const { client } = this.#person(actor);
    const posted = await Promise.all(Array.from({ length: MANY_POSTS }, () => client.publish("one of many")));
    const rest = { author: actor, visibility: "public" as const, repliedTo: null, boosts: null };
    for (const { id } of posted) this.#model.statuses.push({ ...rest, id: BigInt(id), mentions: new Set() });
  }

  /** Somebody whose boosts the actor hides boosts something; it must be there when they are shown again. */
  async #boostInHiding(step: Step): Promise<void> {
    const { actor, pick } = step;
    const target = chosen([...this.#model.account(actor).following.keys()], pick);
    if (target === null) return;
    await this.#follow(actor, target, false);
    await this.#page(actor, "limit=1");
    await this.#boost({ ...step, kind: "boost", actor: target });
    await this.#settle();
    await this.#follow(actor, target, true);
  }

  async #muteForAWhile({ actor, target }: Step): Promise<void> {
    if (actor === target) return;
    const path = `/api/v1/accounts/${this.#person(target).id}/mute`;
    await this.#person(actor).client.post(path, { duration: MUTE_SECONDS });
    this.#model.account(actor).muting.add(target);
    const atMs = Date.now() + MUTE_SECONDS * 1_000 + 5;
    this.#muteEnds.set(`${actor}>${target}`, { actor, target, atMs });
  }

  /**
   * Somebody names whom the actor blocks or mutes, in a post or by an edit; perhaps it is boosted to the actor. Of whom
   * the actor only mutes for this, it must be there when that is taken back.
   */
  async #nameTheUnwanted(step: Step): Promise<void> {
    const { actor, pick, option } = step;
    const { blocking, muting, following } = this.#model.account(actor);
    const unwanted = chosen([...blocking, ...muting], pick) ?? step.target;
    const isInPassing = !blocking.has(unwanted) && !muting.has(unwanted);
    if (isInPassing) await this.#relate({ ...step, kind: "mute" });
    const others = [...this.#people.keys()].filter((one) => one !== actor && one !== unwanted);
    const author = chosen(others, pick) ?? actor;
    const by = { actor: author, target: unwanted, pick };
    if (option % 3 === 0) await this.#change({ ...by, kind: "edit", option: 0 });
    else await this.#post({ ...by, kind: "post", option: 0 });
    const named = this.#model.statuses.findLast((one) => one.author === author && one.mentions.has(unwanted));
    const booster = chosen([...following.keys()], option);
    if (option % 4 !== 3 && named && booster !== null) await this.#boostThis(booster, named);
    await this.#settle();
    if (!isInPassing) return;
    const shown = await this.#page(actor, "limit=40");
    deepStrictEqual(shown, this.#model.home(actor).slice(0, 40), `view of ${actor} within ${describe(step)}`);
    await this.#relate({ ...step, kind: "unmute" });
  }

  async #boost({ kind, actor, pick }: Step): Promise<void> {
    const model = this.#model;
    const boostable = model.statuses.filter((status) => !status.boosts && model.canBoost(actor, status));
    const original = chosen(boostable, pick);
    if (!original) return;
    if (kind !== "unboost") return this.#boostThis(actor, original);
    await this.#person(actor).client.post(`/api/v1/statuses/${original.id}/unreblog`);
    const existing = model.statuses.find((status) => status.author === actor && status.boosts === original);
    if (existing) model.remove(existing);
  }

  async #boostThis(actor: number, original: ModelStatus): Promise<void> {
    const model = this.#model;
    if (!model.canBoost(actor, original)) return;
    const existing = model.statuses.find((status) => status.author === actor && status.boosts === original);
    const boost = await this.#person(actor).client.post<Status>(`/api/v1/statuses/${original.id}/reblog`);
    deepStrictEqual(boost.reblog?.id, `${original.id}`, "a boost shows what it boosts");
    if (existing)
      return deepStrictEqual(boost.id, `${existing.id}`, "boosting twice gives the boost there is");
    const visibility = original.visibility === "private" ? "private" : "public";
    const rest = { author: actor, visibility, mentions: new Set<number>(), repliedTo: null } as const;
    model.statuses.push({ ...rest, id: BigInt(boost.id), boosts: original });
  }

  async #change({ kind, actor, target, pick, option }: Step): Promise<void> {
    const own = this.#model.statuses.filter((status) => status.author === actor && !status.boosts);
    const status = chosen(own, pick);
    if (!status) return;
    const { client } = this.#person(actor);
    if (kind === "delete") {
      await client.delete(`/api/v1/statuses/${status.id}`);
      return this.#model.remove(status);
    }
    const mentions = new Set(option % 2 === 0 && target !== actor ? [target] : []);
    await client.put(`/api/v1/statuses/${status.id}`, { status: `${this.#text(mentions)} edited` });
    status.mentions = mentions;
  }

  async #relate({ kind, actor, target, option }: Step): Promise<void> {
    const model = this.#model;
    if (actor === target) return;
    const { client } = this.#person(actor);
    const path = `/api/v1/accounts/${this.#person(target).id}`;
    if (kind === "authorize") {
      const asked = model.account(target).requests.get(actor);
      if (asked === undefined) return;
      await client.post(`/api/v1/follow_requests/${this.#person(target).id}/authorize`);
      return model.follow(target, actor, asked);
    }
    if (kind === "follow") return this.#follow(actor, target, option % 3 !== 0);
    await client.post(`${path}/${kind}`);
    if (kind === "unfollow") model.unfollow(actor, target);
    if (kind === "block") model.block(actor, target);
    if (kind === "unblock") model.account(actor).blocking.delete(target);
    // Muting again, or not at all, takes the end away.
    if (kind === "mute" || kind === "unmute") this.#muteEnds.delete(`${actor}>${target}`);
    if (kind === "mute") model.account(actor).muting.add(target);
    if (kind === "unmute") model.account(actor).muting.delete(target);
  }

  async #follow(actor: number, target: number, reblogs: boolean): Promise<void> {
    const model = this.#model;
    const path = `/api/v1/accounts/${this.#person(target).id}/follow`;
    const { status } = await this.#person(actor).client.ask("POST", path, { reblogs });
    if (model.isBlocked(actor, target)) return deepStrictEqual(status, 403, "following across a block");
    deepStrictEqual(status, 200, "following");
    const isFollow = model.account(actor).following.has(target) || !model.account(target).locked;
    if (isFollow) model.follow(actor, target, reblogs);
    else model.account(actor).requests.set(target, reblogs);
  }

  async #lock({ actor, option }: Step): Promise<void> {
    const locked = option % 2 === 0;
    await this.#person(actor).client.patch("/api/v1/accounts/update_credentials", { locked });
    this.#model.account(actor).locked = locked;
    if (locked) return;
    this.#model.accounts.forEach((account, asker) => {
      const asked = account.requests.get(actor);
      if (asked !== undefined) this.#model.follow(asker, actor, asked);
    });
  }

  async #exclusive({ kind, actor, target }: Step): Promise<void> {
    if (!this.#model.account(actor).following.has(target)) return;
    const person = this.#person(actor);
    if (person.listId === null) {
      const list = { title: "apart", exclusive: true };
      person.listId = (await person.client.post<{ id: string }>("/api/v1/lists", list)).id;
    }
    const account_ids = [`${this.#person(target).id}`];
    const path = `/api/v1/lists/${person.listId}/accounts`;
    await (kind === "exclude"
      ? person.client.post(path, { account_ids })
      : person.client.delete(path, { account_ids }));
    const { exclusive } = this.#model.account(actor);
    if (kind === "exclude") exclusive.add(target);
    else exclusive.delete(target);
  }

  #text(mentions: ReadonlySet<number>): string {
    return ["hello", ...[...mentions].map((index) => `@${this.#person(index).username}`)].join(" ");
  }

  #person(index: number): Person {
    const person = this.#people[index];
    if (!person) throw new Error(`there is no account ${index}`);
    return person;
  }
}

function chosen<T>(among: readonly T[], pick: number): T | null {
  return among[pick % Math.max(1, among.length)] ?? null;
}
