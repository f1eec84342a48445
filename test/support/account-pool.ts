/**
 * Accounts by the thousand. Signing up takes a password hash of 50 ms on purpose; a test that wants new accounts for
 * each of a thousand sequences gets them from the database of the running server instead, without passwords.
 */
import { createHash, randomBytes } from "node:crypto";
import pg from "pg";
import { Client, type SignedUp } from "./client.ts";
import type { RunningRoost } from "./start-roost.ts";

const AT_ONCE = 500;

export class AccountPool implements AsyncDisposable {
  readonly #roost: RunningRoost;
  readonly #database: pg.Client;
  #made = 0;
  #ready: SignedUp[] = [];

  private constructor(roost: RunningRoost, database: pg.Client) {
    this.#roost = roost;
    this.#database = database;
  }

  static async open(roost: RunningRoost): Promise<AccountPool> {
    const database = new pg.Client(await roost.database());
    await database.connect();
    return new AccountPool(roost, database);
  }

  /** Accounts that nobody has used. */
  async take(count: number): Promise<SignedUp[]> {
    if (this.#ready.length < count) this.#ready.push(...(await this.#make(AT_ONCE)));
    return this.#ready.splice(0, count);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database.end();
  }

  async #make(count: number): Promise<SignedUp[]> {
    const first = this.#made;
    this.#made += count;
    const usernames = Array.from({ length: count }, (_, i) => `pooled_${first + i}`);
    const tokens = usernames.map(() => randomBytes(24).toString("base64url"));
    const { rows } = await this.#database.query<{ id: string }>(
      `with new as materialized (
         select next_id((place % 1024)::int) as id, username, token_hash
         from unnest($1::text[], $2::bytea[]) with ordinality as n (username, token_hash, place)),
       made as (insert into accounts (id, username) select id, username from new returning id),
       credentials as (insert into credentials (account_id, email, password_hash, confirmed_at)
         select id, username || '@example.org', '', now() from new),
       tokens as (insert into access_tokens (token_hash, account_id, scopes)
         select token_hash, id, '{read,write,follow,push,profile}' from new)
       select new.id::text from new join made using (id) order by array_position($1::text[], new.username)`,
      [usernames, tokens.map((token) => createHash("sha256").update(token).digest())],
    );
    return rows.map(({ id }, i) => ({
      id,
      username: usernames[i] ?? "",
      client: new Client(this.#roost.url, tokens[i] ?? ""),
    }));
  }
}
