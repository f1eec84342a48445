/** Durable posts over HTTP, against the same rows inserted by a loop that does nothing else, at the same concurrency. */
import pg from "pg";
import { connectToRunningServer } from "../src/engines/database/embedded-server.ts";
import {
  type Account,
  makeAccounts,
  median,
  perSecond,
  prepare,
  type Row,
  requestsPerSecond,
  startServer,
  temporaryFolder,
} from "./support.ts";

const CONNECTIONS = 32;
const ROUNDS = 3;
const TEXT =
  "A post of ordinary length, as people write them: a thought, a question, and nothing more to it than that.";

/** What publishing writes for such a post: the status, its author's counts, its event. */
const INSERT = `
  with status as (
    insert into statuses (id, author_id, visibility, text, created_at)
    values (next_id($1::int), $2, 0, $3, clock_timestamp()) returning id),
  counted as (
    insert into author_counts (account_id, statuses_count, last_status_at) select $2, 1, now() from status
    on conflict (account_id) do update set statuses_count = author_counts.statuses_count + 1, last_status_at = now())
  insert into event_log (topic, key, payload) select 'bench', $2, jsonb_build_object('statusId', id::text) from status`;

export async function benchPost(seconds: number): Promise<Row[]> {
  using folder = temporaryFolder();
  const authors = await prepare(folder.path, (roost) => makeAccounts(roost, CONNECTIONS, "author"));
  await using server = await startServer(folder.path);
  const connection = await connectToRunningServer(folder.path);
  if (!connection) throw new Error("the server's database isn't there");
  let turn = 0;
  const posting = {
    url: `${server.url}/api/v1/statuses`,
    seconds,
    connections: CONNECTIONS,
    method: "POST" as const,
    each: (request: object) => {
      const author = authors[turn++ % authors.length] as Account;
      const headers = { authorization: `Bearer ${author.token}`, "content-type": "application/json" };
      return { ...request, headers, body: JSON.stringify({ status: `${TEXT} ${turn}` }) };
    },
  };
  const rates: { roost: number; bare: number; p99Ms: number }[] = [];
  await requestsPerSecond({ ...posting, seconds: 2 });
  for (let round = 0; round < ROUNDS; round++) {
    const bare = await insertLoop(connection, authors, seconds);
    const own = await requestsPerSecond(posting);
    rates.push({ roost: own.rate, bare, p99Ms: own.p99Ms });
  }
  return [
    ["durable posts over HTTP", perSecond(median(rates.map((rate) => rate.roost)))],
    ["the same rows by a bare insert loop", perSecond(median(rates.map((rate) => rate.bare)))],
    ["ratio (target ≥ 0.5)", median(rates.map((rate) => rate.roost / rate.bare)).toFixed(2)],
    ["post p99", `${median(rates.map((rate) => rate.p99Ms))} ms at ${CONNECTIONS} connections`],
  ];
}

/** Rows a second over as many connections as the posts have, with a prepared statement, one transaction a row. */
async function insertLoop(connection: object, authors: readonly Account[], seconds: number): Promise<number> {
  const clients = await Promise.all(
    authors.map(async () => {
      const client = new pg.Client(connection);
      await client.connect();
      return client;
    }),
  );
  const startMs = performance.now();
  let inserted = 0;
  await Promise.all(
    clients.map(async (client, i) => {
      while (performance.now() - startMs < seconds * 1000) {
        await client.query({
          name: "insert",
          text: INSERT,
          values: [i, authors[i]?.id, `${TEXT} ${inserted}`],
        });
        inserted++;
      }
    }),
  );
  const rate = inserted / ((performance.now() - startMs) / 1000);
  await Promise.all(clients.map((client) => client.end()));
  return rate;
}
