import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openRoost, type Roost } from "../composition.ts";
import { loadConfig } from "../config.ts";
import type { AccountId, StatusId } from "../core/ids.ts";
import { homeTimelineBySql } from "../feed/oracle.ts";
import { publish } from "../statuses/publish.ts";
import { readReplayState } from "./actors.ts";
import { loadDemo } from "./load.ts";
import { startReplay } from "./replay.ts";

const SLOW_MS = 120_000;
const FAST = 6_000;

describe("replaying the demo", { timeout: SLOW_MS }, () => {
  let folder: string;
  let roost: Roost;
  let demo: AccountId;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "roost-replay-"));
    const { config } = loadConfig({ DATA_DIR: folder, PORT: "0", LOG_LEVEL: "silent" });
    roost = await openRoost(config);
    await loadDemo(roost, { nowMs: roost.api.clock.nowMs(), onProgress: () => undefined });
    demo = (
      await roost.database.db
        .selectFrom("accounts")
        .select("id")
        .where("username", "=", "demo")
        .executeTakeFirstOrThrow()
    ).id;
  }, SLOW_MS);

  afterAll(async () => {
    await roost[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  }, SLOW_MS);

  const home = () => homeTimelineBySql(roost.database.db, demo);

  async function newestStatus(): Promise<StatusId> {
    const { rows } = await sql<{ id: StatusId }>`select max(id) as id from statuses`.execute(
      roost.database.db,
    );
    return rows[0]?.id ?? 0n;
  }

  /** Posts after this one, boosts left out. */
  function newer(than: StatusId) {
    return roost.database.db
      .selectFrom("statuses")
      .select(["id", "in_reply_to_id"])
      .where("id", ">", than)
      .where("reblog_of_id", "is", null)
      .execute();
  }

  async function notifications(): Promise<number> {
    const { rows } = await sql<{ count: bigint }>`
      select count(*) from notifications where account_id = ${demo}`.execute(roost.database.db);
    return Number(rows[0]?.count);
  }

  /** Runs the replay until the condition holds, then stops it and waits for its end. */
  async function replayUntil(condition: () => Promise<boolean>): Promise<void> {
    const stopping = new AbortController();
    const replay = startReplay(roost, { signal: stopping.signal, ratePerMinute: FAST });
    try {
      await expect.poll(condition, { timeout: 60_000, interval: 100 }).toBe(true);
    } finally {
      stopping.abort();
      await replay;
    }
  }

  it("moves the home timeline on, with answers to what is there", async () => {
    const newest = await newestStatus();
    await replayUntil(async () => (await newer(newest)).length >= 150);
    // Both looked at once it stands still.
    const posts = await newer(newest);
    const shown = new Set(await home());
    const showing = posts.filter((post) => shown.has(post.id));
    expect(showing.length).toBeGreaterThan(posts.length * 0.2);
    expect(showing.filter((post) => post.in_reply_to_id !== null).length).toBeLessThan(showing.length * 0.7);
    expect(posts.filter((post) => post.in_reply_to_id !== null).length).toBeGreaterThan(posts.length * 0.3);
  });

  it("brings pictures, favourites and boosts to what is new", async () => {
    const newest = await newestStatus();
    const live = async () => {
      const { rows } = await sql<Record<string, bigint>>`
        select (select count(*) from media_attachments where status_id > ${newest}) as pictures,
          (select count(*) from favourites where status_id > ${newest}) as favourites,
          (select count(*) from statuses where reblog_of_id > ${newest}) as boosts`.execute(
        roost.database.db,
      );
      return rows[0] ?? {};
    };
    await replayUntil(async () => {
      const { pictures = 0n, favourites = 0n, boosts = 0n } = await live();
      return pictures > 2n && favourites > 30n && boosts > 2n;
    });
  });

  it("notices what the demo user posts", async () => {
    const before = await notifications();
    await publish(roost.api.statuses, {
      authorId: demo,
      draft: {
        text: "Is anybody there?",
        spoilerText: "",
        sensitive: false,
        visibility: "public",
        language: "en",
        inReplyToId: null,
        mediaIds: [],
      },
      application: null,
      idempotencyKey: null,
    });
    await replayUntil(async () => (await notifications()) >= before + 3);
  });

  it("goes on where it was after a restart", async () => {
    const before = await readReplayState(roost.database);
    await replayUntil(
      async () => ((await readReplayState(roost.database))?.position ?? 0) > (before?.position ?? 0),
    );
    expect((await readReplayState(roost.database))?.round).toBe(0);
  });
});
