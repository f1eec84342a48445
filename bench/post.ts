/** Durable posts over HTTP, against the same rows inserted by pgbench into the same server, at the same concurrency. */
import { shardOfId } from "../src/core/ids.ts";
import { connectToRunningServer } from "../src/engines/database/embedded-server.ts";
import { type Answered, answersTo, warmUp } from "./load.ts";
import { commitsPerSecond } from "./pgbench.ts";
import { startServer } from "./processes.ts";
import type { Measured, Part } from "./report.ts";
import {
  type Account,
  makeAccounts,
  middleOf,
  prepare,
  ROUNDS,
  secondsOfRound,
  temporaryFolder,
} from "./support.ts";

const CONNECTIONS = 32;
const TEXT =
  "A post of ordinary length, as people write them: a thought, a question, and nothing more to it than that.";

export const post: Part = { rows: ["posts"], measure };

async function measure(seconds: number): Promise<Measured> {
  using folder = temporaryFolder();
  const settings = { DATA_DIR: folder.path };
  const authors = await prepare(settings, (roost) => makeAccounts(roost, CONNECTIONS, "author"));
  await using server = await startServer(settings);
  const connection = await connectToRunningServer(folder.path);
  if (!connection) throw new Error("the server's database isn't there");
  let turn = 0;
  const posting = {
    url: `${server.url}/api/v1/statuses`,
    seconds: secondsOfRound(seconds),
    connections: CONNECTIONS,
    method: "POST" as const,
    each: (request: object) => {
      const author = authors[turn++ % authors.length] as Account;
      const headers = { authorization: `Bearer ${author.token}`, "content-type": "application/json" };
      return { ...request, headers, body: JSON.stringify({ status: `${TEXT} ${turn}` }) };
    },
    pids: [server.pid],
  };
  const inserting = {
    folder: folder.path,
    script: scriptOf(authors),
    connection,
    connections: CONNECTIONS,
    seconds: secondsOfRound(seconds),
  };
  await warmUp(posting);
  const rounds: { inserts: number; posts: Answered }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    rounds.push({ inserts: await commitsPerSecond(inserting), posts: await answersTo(posting) });
  }
  const middle = middleOf(rounds);
  return {
    conditions: `${CONNECTIONS} connections, ${CONNECTIONS} authors, the embedded PostgreSQL with fsync`,
    figures: [
      {
        row: "posts",
        measured: middle(({ posts }) => posts.rate),
        unit: "/s",
        heldAgainst: { what: "the same rows by pgbench", value: middle(({ inserts }) => inserts) },
        ratio: middle(({ posts, inserts }) => posts.rate / inserts),
      },
      { what: "p99", measured: middle(({ posts }) => posts.p99Ms), unit: "ms" },
      {
        what: "posts per CPU second of the Roost process",
        measured: middle(({ posts }) => posts.perCpuSecond),
        unit: "/s",
      },
    ],
  };
}

/**
 * What publishing writes for such a post: the status, its author's counts, its event. In one statement, so that a
 * transaction is one round trip; each connection has an author of its own, so that none waits for another's counts. The
 * event's topic has no consumers: fan-out of these rows would be work beside the inserts.
 */
function scriptOf(authors: readonly Account[]): string {
  const cases = authors.map(({ id }, i) => `when :client_id = ${i} then ${id}`).join(" ");
  const shards = authors.map(({ id }, i) => `when :client_id = ${i} then ${shardOfId(id)}`).join(" ");
  return `\\set author case ${cases} end
\\set shard case ${shards} end
with status as (
  insert into statuses (id, author_id, visibility, text, spoiler_text, sensitive, created_at)
  values (next_id(:shard::int), :author, 0, '${TEXT} ' || :client_id::text, '', false, now()) returning id),
counted as (
  insert into author_counts (account_id, statuses_count, last_status_at) values (:author, 1, now())
  on conflict (account_id) do update set statuses_count = author_counts.statuses_count + 1, last_status_at = now())
insert into event_log (topic, key, payload)
select 'bench', :author, jsonb_build_object('type', 'status.published', 'statusId', id::text, 'authorId', :author::text)
from status;
`;
}
