/** Channels and messages between fan-out and open streams. */
import type { AccountId, NotificationId, StatusId } from "../core/ids.ts";

/** Every status published, edited, deleted, or published in pull mode: for streams that pick what they care about. */
export const STATUS_CHANNEL = "statuses";

/** What was put into this viewer's home timeline. */
export function homeChannel(viewerId: AccountId): string {
  return `home:${viewerId}`;
}

/** What this account is notified of. */
export function notificationChannel(accountId: AccountId): string {
  return `notifications:${accountId}`;
}

/** Accounts whose tokens ended: their streams must close. */
export const SIGNED_OUT_CHANNEL = "signed-out";

export type LiveMessage =
  | {
      type: "status.published" | "status.edited" | "status.pulled" | "status.delivered";
      statusId: StatusId;
      authorId: AccountId;
    }
  /** With what can't be looked up any more; see the event. */
  | {
      type: "status.deleted";
      statusId: StatusId;
      authorId: AccountId;
      mentionIds?: readonly AccountId[];
      isDirect?: true;
    }
  | { type: "notification"; notificationId: NotificationId }
  | { type: "signed-out"; accountId: AccountId };
