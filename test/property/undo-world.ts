/**
 * A few people who do and undo what can be done to each other and to posts, and what must hold after each step by the
 * rows themselves: counts are what is there, as far as everybody may see it, and each notification has a living cause.
 */
import { deepStrictEqual, ok } from "node:assert/strict";
import { sql } from "kysely";
import { expect } from "vitest";
import { makeId } from "../../src/core/ids.ts";
import type { Random } from "../../src/core/random.ts";
import { insertAccount } from "../support/accounts.ts";
import { type Answer, Client } from "../support/client.ts";
import type { OpenedRoost } from "../support/open-roost.ts";

export interface Person {
  readonly id: bigint;
  readonly username: string;
  readonly client: Client;
}

interface Rows {
  readonly statuses: StatusRow[];
  readonly favourites: MarkRow[];
  readonly bookmarks: MarkRow[];
  readonly mentions: MarkRow[];
  readonly follows: PairRow[];
  readonly requests: PairRow[];
  readonly blocks: PairRow[];
  readonly mutes: PairRow[];
  readonly notifications: {
    account_id: bigint;
    from_account_id: bigint;
    type: string;
    status_id: bigint | null;
  }[];
  readonly statusCounts: { status_id: bigint; replies: number; reblogs: number; favourites: number }[];
  readonly authorCounts: { account_id: bigint; statuses: number; last_at: string | null }[];
  readonly followCounts: { account_id: bigint; followers: number; following: number }[];
}
interface StatusRow {
  id: bigint;
  author_id: bigint;
  visibility: number;
  in_reply_to_id: bigint | null;
  reblog_of_id: bigint | null;
  at: string;
}
interface MarkRow {
  account_id: bigint;
  status_id: bigint;
}
interface PairRow {
  from_id: bigint;
  to_id: bigint;
}

const VISIBILITIES = ["public", "unlisted", "private", "direct"] as const;
const IDLE = { timeout: 20_000, interval: 5 };
let made = 0;

export class UndoWorld {
  readonly #roost: OpenedRoost;
  readonly #random: Random;
  readonly #people: readonly Person[];
  readonly story: string[] = [];

  private constructor(roost: OpenedRoost, random: Random, people: readonly Person[]) {
    this.#roost = roost;
    this.#random = random;
    this.#people = people;
  }

  static async create(roost: OpenedRoost, random: Random, count: number): Promise<UndoWorld> {
    const people: Person[] = [];
    for (let i = 0; i < count; i++) people.push(await personOf(roost));
    return new UndoWorld(roost, random, people);
  }

  async step(): Promise<void> {
    const random = this.#random;
    const actor = random.pick(this.#people);
    const other = random.pick(this.#people.filter((one) => one !== actor));
    const { statuses, favourites, bookmarks } = await this.#rows();
    const anyone = statuses.filter((row) => row.reblog_of_id === null || random.chance(0.2));
    const kind = random.pick(KINDS);
    if (kind === "post" || (kind !== "relation" && anyone.length < 4)) return this.#post(actor, anyone);
    if (kind === "relation") return this.#relate(actor, other);
    const status = random.pick(anyone);
    const marked = [...favourites, ...bookmarks].filter((row) => row.account_id === actor.id);
    const again = statuses.find((row) => marked.length > 0 && row.id === random.pick(marked).status_id);
    if (kind === "mark") return this.#mark(actor, again && random.chance(0.4) ? again : status);
    const own = statuses.filter((row) => row.author_id === actor.id);
    if (own.length === 0) return this.#post(actor, anyone);
    const mine = random.pick(own);
    if (kind === "delete") await this.#must(actor, "DELETE", `/api/v1/statuses/${mine.id}`);
    else if (mine.reblog_of_id === null) {
      // What an edit says of visibility is no more than what it said before.
      const body = { status: `edited ${this.#words()}`, visibility: "direct" };
      const { status } = await this.#ask(actor, "PUT", `/api/v1/statuses/${mine.id}`, body);
      ok([200, 422].includes(status), `an edit is answered ${status}`);
    }
  }

  async #post(actor: Person, statuses: readonly StatusRow[]): Promise<void> {
    const random = this.#random;
    const target = statuses.length > 0 && random.chance(0.5) ? random.pick(statuses) : null;
    const visibility = random.pick(VISIBILITIES);
    const body = { status: this.#words(), visibility, ...(target ? { in_reply_to_id: `${target.id}` } : {}) };
    const { status } = await this.#ask(actor, "POST", "/api/v1/statuses", body);
    ok(status === 200 || (target && status === 404), `a post is answered ${status}`);
  }

  #words(): string {
    const named = this.#people.filter(() => this.#random.chance(0.3)).map(({ username }) => `@${username}`);
    return [`number ${made++}`, ...named].join(" ");
  }

  async #mark(actor: Person, { id }: StatusRow): Promise<void> {
    const name = this.#random.pick(["favourite", "bookmark", "reblog"]);
    if (this.#random.chance(0.6)) {
      const body = name === "reblog" ? { visibility: this.#random.pick(VISIBILITIES.slice(0, 3)) } : {};
      const { status } = await this.#ask(actor, "POST", `/api/v1/statuses/${id}/${name}`, body);
      ok([200, 404].includes(status), `${name} is answered ${status}`);
    } else await this.#unmark(actor, id, name);
  }

  /** Whether it may still be seen or not: a mark that is there can be taken back. */
  async #unmark(actor: Person, id: bigint, name: string): Promise<void> {
    const before = await this.#rows();
    const status = before.statuses.find((row) => row.id === id);
    const original = status?.reblog_of_id ?? id;
    const isMarked =
      name === "reblog"
        ? before.statuses.some((row) => row.author_id === actor.id && row.reblog_of_id === original)
        : (name === "favourite" ? before.favourites : before.bookmarks).some(
            (row) => row.account_id === actor.id && row.status_id === original,
          );
    const answer = await this.#ask<Marked>(actor, "POST", `/api/v1/statuses/${id}/un${name}`);
    if (!isMarked) return ok([200, 404].includes(answer.status), `un${name} is answered ${answer.status}`);
    deepStrictEqual(answer.status, 200, `un${name} of ${original}, which is marked`);
    const { body } = answer;
    deepStrictEqual(body.id, `${original}`);
    deepStrictEqual(body[`${name}${name === "reblog" ? "g" : ""}ed` as "favourited"] ?? false, false);
    const seen = await this.#ask(actor, "GET", `/api/v1/statuses/${original}`);
    if (seen.status !== 200) deepStrictEqual([body.content, body.mentions], ["", []], "what is out of reach");
  }

  async #relate(actor: Person, other: Person): Promise<void> {
    const name = this.#random.pick(RELATIONS);
    if (name === "lock" || name === "unlock") {
      await this.#must(actor, "PATCH", "/api/v1/accounts/update_credentials", { locked: name === "lock" });
    } else if (name === "authorize" || name === "reject") {
      const { status } = await this.#ask(actor, "POST", `/api/v1/follow_requests/${other.id}/${name}`);
      ok([200, 404].includes(status), `${name} is answered ${status}`);
    } else {
      const { status } = await this.#ask(actor, "POST", `/api/v1/accounts/${other.id}/${name}`);
      ok(status === 200 || (name === "follow" && status === 403), `${name} is answered ${status}`);
    }
  }

  /** Marks first, while blocks still stand; then everything else. */
  async undoAll(): Promise<void> {
    const { favourites, bookmarks, statuses } = await this.#rows();
    const marks = [
      ...favourites.map((row) => ({ ...row, name: "favourite" })),
      ...bookmarks.map((row) => ({ ...row, name: "bookmark" })),
      ...statuses.flatMap(({ author_id, reblog_of_id }) =>
        reblog_of_id === null ? [] : [{ account_id: author_id, status_id: reblog_of_id, name: "reblog" }],
      ),
    ];
    for (const { account_id, status_id, name } of this.#random.shuffle(marks))
      await this.#unmark(this.#personOf(account_id), status_id, name);
    await this.checkNotifications();
    for (const actor of this.#people)
      for (const other of this.#people.filter((one) => one !== actor)) {
        for (const name of ["unfollow", "unblock", "unmute", "remove_from_followers"])
          await this.#must(actor, "POST", `/api/v1/accounts/${other.id}/${name}`);
      }
    await this.checkNotifications();
    for (const { id, author_id } of (await this.#rows()).statuses)
      await this.#must(this.#personOf(author_id), "DELETE", `/api/v1/statuses/${id}`);
  }

  /** Of every step, as soon as it's answered. */
  async checkCounts(): Promise<void> {
    const rows = await this.#rows();
    const counted = new Map(rows.statusCounts.map((row) => [row.status_id, row]));
    const count = <Row>(all: readonly Row[], keep: (row: Row) => boolean) => all.filter(keep).length;
    for (const { id } of rows.statuses.filter((row) => row.reblog_of_id === null)) {
      const { replies = 0, reblogs = 0, favourites = 0 } = counted.get(id) ?? {};
      deepStrictEqual(
        { id, replies, reblogs, favourites },
        {
          id,
          replies: count(rows.statuses, (row) => row.in_reply_to_id === id && row.visibility <= 1),
          reblogs: count(rows.statuses, (row) => row.reblog_of_id === id && row.visibility <= 1),
          favourites: count(rows.favourites, (row) => row.status_id === id),
        },
      );
    }
    for (const { id } of this.#people) {
      const shown = rows.statuses.filter((row) => row.author_id === id && row.visibility <= 2);
      const statuses = rows.authorCounts.find((row) => row.account_id === id);
      deepStrictEqual([id, statuses?.statuses ?? 0], [id, shown.length]);
      const last =
        shown
          .map(({ at }) => at.slice(0, 16))
          .sort()
          .at(-1) ?? null;
      deepStrictEqual([id, statuses?.last_at?.slice(0, 16) ?? null], [id, last]);
      const follows = rows.followCounts.find((row) => row.account_id === id);
      deepStrictEqual(
        [follows?.followers ?? 0, follows?.following ?? 0],
        [count(rows.follows, (row) => row.to_id === id), count(rows.follows, (row) => row.from_id === id)],
      );
    }
    const person = this.#random.pick(this.#people);
    const shown = rows.statuses.filter((row) => row.author_id === person.id && row.visibility <= 2);
    const account = await person.client.get<{ statuses_count: number }>(`/api/v1/accounts/${person.id}`);
    deepStrictEqual(account.statuses_count, shown.length, "what a profile says");
    const status = rows.statuses.find((row) => row.author_id === person.id && row.reblog_of_id === null);
    if (!status) return;
    const { replies_count, favourites_count } = await person.client.get<Marked>(
      `/api/v1/statuses/${status.id}`,
    );
    const { replies = 0, favourites = 0 } = counted.get(status.id) ?? {};
    deepStrictEqual([replies_count, favourites_count], [replies, favourites], "what a status says");
  }

  /** Once everything that happened has been handled. */
  async checkNotifications(): Promise<void> {
    await expect.poll(() => this.#roost.isIdle(), IDLE).toBe(true);
    const rows = await this.#rows();
    for (const told of rows.notifications) {
      ok(hasCause(told, rows), `the cause of ${this.#say(told)} stands`);
      const { account_id, from_account_id } = told;
      ok(!isPair(rows.blocks, account_id, from_account_id), `${this.#say(told)}, whom the account blocks`);
    }
    const there = new Set(rows.statuses.map(({ id }) => id));
    for (const { status_id } of [...rows.favourites, ...rows.bookmarks, ...rows.mentions])
      ok(there.has(status_id), `a mark or mention of ${status_id}, which is gone`);
    for (const { from_id, to_id } of rows.blocks)
      ok(
        ![rows.follows, rows.requests].some(
          (all) => isPair(all, from_id, to_id) || isPair(all, to_id, from_id),
        ),
        "a follow or request beside a block",
      );
    for (const { client } of this.#people) {
      const list = await client.get<unknown[]>("/api/v1/notifications?limit=80");
      const unread = await client.get<{ count: number }>("/api/v1/notifications/unread_count?limit=80");
      deepStrictEqual(unread.count, list.length, "unread");
    }
  }

  async checkNothingIsLeft(): Promise<void> {
    await this.checkCounts();
    await this.checkNotifications();
    const { authorCounts, followCounts, statusCounts, mutes: _, ...rest } = await this.#rows();
    for (const [name, rows] of Object.entries({ ...rest, statusCounts }))
      deepStrictEqual([name, rows], [name, []]);
    for (const { statuses, last_at } of authorCounts) deepStrictEqual([statuses, last_at], [0, null]);
    for (const { followers, following } of followCounts) deepStrictEqual([followers, following], [0, 0]);
  }

  #personOf(id: bigint): Person {
    const found = this.#people.find((one) => one.id === id);
    ok(found);
    return found;
  }

  #say(told: Rows["notifications"][number]): string {
    const { type, account_id, from_account_id, status_id } = told;
    return `${type} by ${from_account_id} to ${account_id} about ${status_id}`;
  }

  async #must(actor: Person, method: string, path: string, body?: unknown): Promise<void> {
    const { status } = await this.#ask(actor, method, path, body);
    deepStrictEqual(status, 200, `${method} ${path}`);
  }

  async #ask<Body>(actor: Person, method: string, path: string, body?: unknown): Promise<Answer<Body>> {
    const answer = await actor.client.ask<Body>(method, path, body);
    if (method !== "GET")
      this.story.push(`${actor.username} ${method} ${path} ${JSON.stringify(body ?? {})}: ${answer.status}`);
    return answer;
  }

  /** Of these people alone, from all databases. */
  async #rows(): Promise<Rows> {
    const ids = sql`(${sql.join(this.#people.map(({ id }) => id))})`;
    const { db, shards } = this.#roost.database;
    const main = async <Row>(text: ReturnType<typeof sql>) => (await text.execute(db)).rows as Row[];
    const all = <Row>(text: ReturnType<typeof sql>) =>
      shards.gather(async (database) => (await text.execute(database.db)).rows as Row[]);
    const own = sql`select id from statuses where author_id in ${ids}`;
    const iso = (column: string) =>
      sql`to_char(${sql.ref(column)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')`;
    return {
      statuses:
        await all(sql`select id, author_id, visibility, in_reply_to_id, reblog_of_id, ${iso("created_at")} as at
        from statuses where author_id in ${ids} order by id`),
      favourites: await all(
        sql`select account_id, status_id from favourites where account_id in ${ids} order by id`,
      ),
      bookmarks: await all(
        sql`select account_id, status_id from bookmarks where account_id in ${ids} order by id`,
      ),
      mentions: await all(sql`select account_id, status_id from status_mentions where account_id in ${ids}`),
      notifications: await all(sql`select account_id, from_account_id, type, status_id from notifications
        where account_id in ${ids} order by id`),
      statusCounts: await all(sql`select status_id, replies_count as replies, reblogs_count as reblogs,
        favourites_count as favourites from status_counts where status_id in (${own})`),
      authorCounts:
        await all(sql`select account_id, statuses_count::int as statuses, ${iso("last_status_at")} as last_at
        from author_counts where account_id in ${ids}`),
      follows: await main(
        sql`select follower_id as from_id, followee_id as to_id from follows where follower_id in ${ids}`,
      ),
      requests: await main(sql`select requester_id as from_id, target_id as to_id from follow_requests
        where requester_id in ${ids}`),
      blocks: await main(
        sql`select account_id as from_id, target_id as to_id from blocks where account_id in ${ids}`,
      ),
      mutes: await main(
        sql`select account_id as from_id, target_id as to_id from mutes where account_id in ${ids}`,
      ),
      followCounts:
        await main(sql`select account_id, followers_count::int as followers, following_count::int as following
        from follow_counts where account_id in ${ids}`),
    };
  }
}

interface Marked {
  readonly id: string;
  readonly content: string;
  readonly mentions: unknown[];
  readonly favourited?: boolean;
  readonly replies_count: number;
  readonly favourites_count: number;
}

const KINDS = ["post", "post", "mark", "mark", "mark", "relation", "relation", "edit", "delete"] as const;
const RELATIONS = [
  ...["follow", "follow", "unfollow", "block", "unblock", "mute", "unmute", "remove_from_followers"],
  ...["lock", "unlock", "authorize", "reject"],
];

const isPair = (pairs: readonly PairRow[], from: bigint, to: bigint) =>
  pairs.some((row) => row.from_id === from && row.to_id === to);

function hasCause(told: Rows["notifications"][number], rows: Rows): boolean {
  const { type, account_id, from_account_id, status_id } = told;
  const status = rows.statuses.find((row) => row.id === status_id);
  const has = (marks: readonly MarkRow[], id: bigint) =>
    marks.some((row) => row.account_id === id && row.status_id === status_id);
  switch (type) {
    case "follow":
      return isPair(rows.follows, from_account_id, account_id);
    case "follow_request":
      return isPair(rows.requests, from_account_id, account_id);
    case "favourite":
      return status !== undefined && has(rows.favourites, from_account_id);
    case "mention":
      return status !== undefined && has(rows.mentions, account_id);
    case "reblog":
      return rows.statuses.some((row) => row.author_id === from_account_id && row.reblog_of_id === status_id);
    default:
      return status !== undefined;
  }
}

/** Each on another shard than the one before. */
async function personOf(roost: OpenedRoost): Promise<Person> {
  const { db } = roost.database;
  const number = made++;
  const id = makeId(Date.UTC(2025, 0, 1) + number, number % 1_024, 0);
  const username = `u${number}`;
  const token = await insertAccount(db, id, username);
  return { id, username, client: new Client(roost.url, token) };
}
