import { sql } from "kysely";
import { Invalid } from "../core/errors.ts";
import type { AccountId } from "../core/ids.ts";
import type { RelationsContext } from "./context.ts";
import { requireActive } from "./follow.ts";

export interface MuteOptions {
  readonly hideNotifications: boolean;
  /** Null mutes until it's taken back. */
  readonly durationSeconds: number | null;
}

/** Mutes. Stored timelines keep the entries; reading leaves them out, and brings them back when the mute ends. */
export async function mute(
  context: RelationsContext,
  viewerId: AccountId,
  targetId: AccountId,
  options: MuteOptions,
): Promise<void> {
  if (viewerId === targetId) throw new Invalid("You can't mute yourself");
  await requireActive(context.db, targetId);
  const expiresAt =
    options.durationSeconds === null
      ? null
      : new Date(context.clock.nowMs() + options.durationSeconds * 1000);
  await sql`insert into mutes (account_id, target_id, hide_notifications, expires_at)
    values (${viewerId}, ${targetId}, ${options.hideNotifications}, ${expiresAt})
    on conflict (account_id, target_id) do update set
      hide_notifications = excluded.hide_notifications, expires_at = excluded.expires_at`.execute(context.db);
  await context.invalidate({ relations: [viewerId] });
}

export async function unmute(
  context: RelationsContext,
  viewerId: AccountId,
  targetId: AccountId,
): Promise<void> {
  await context.db
    .deleteFrom("mutes")
    .where("account_id", "=", viewerId)
    .where("target_id", "=", targetId)
    .execute();
  await context.invalidate({ relations: [viewerId] });
}
