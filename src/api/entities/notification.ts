import Type from "typebox";
import type { AccountId, NotificationId } from "../../core/ids.ts";
import type { NotificationRow } from "../../notifications/queries.ts";
import { namesUnwanted } from "../../relations/relations.ts";
import { onlyVisible } from "../../statuses/access.ts";
import { spliceStatus } from "../../statuses/splice.ts";
import type { ApiContext } from "../context.ts";
import { Account } from "./account.ts";
import { Status } from "./status.ts";

export const Notification = Type.Object({
  id: Type.String(),
  type: Type.String(),
  created_at: Type.String(),
  group_key: Type.String(),
  account: Account,
  status: Type.Optional(Status),
});

export interface RenderedNotification {
  readonly id: NotificationId;
  readonly json: Buffer;
}

/**
 * Each as JSON bytes. Those are left out whose status the account can't see any more, or somebody else's that names an
 * account it blocks or mutes. Whose notifications show is decided with the rows: a mute may leave them.
 */
export async function notificationsJson(
  context: ApiContext,
  accountId: AccountId,
  rows: readonly NotificationRow[],
): Promise<RenderedNotification[]> {
  const profiles = await context.profiles.getMany(rows.map((row) => row.from_account_id));
  const ids = rows.flatMap((row) => row.status_id ?? []);
  const records = await context.statuses.statuses.getMany(ids);
  const relations = await context.statuses.relations.of(accountId);
  const nowMs = context.clock.nowMs();
  const visible = new Map(
    (await onlyVisible(context.statuses, [...records.values()], accountId))
      .filter(
        ({ facts }) => facts.authorId === accountId || !namesUnwanted(relations, facts.mentionIds, nowMs),
      )
      .map((record) => [record.facts.id, record]),
  );
  const rendered: RenderedNotification[] = [];
  for (const row of rows) {
    const profile = profiles.get(row.from_account_id);
    const record = row.status_id === null ? null : visible.get(row.status_id);
    if (!profile || record === undefined) continue;
    const head = JSON.stringify({
      id: `${row.id}`,
      type: row.type,
      created_at: row.created_at.toISOString(),
      group_key: `ungrouped-${row.id}`,
    });
    const status =
      record === null
        ? []
        : [Buffer.from(',"status":'), await spliceStatus(context.splice, record, accountId)];
    const beginning = Buffer.from(`${head.slice(0, -1)},"account":`);
    rendered.push({
      id: row.id,
      json: Buffer.concat([beginning, profile.json, ...status, Buffer.from("}")]),
    });
  }
  return rendered;
}
