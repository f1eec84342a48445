import { AtSign, Bell, Heart, type LucideIcon, Pencil, Repeat2, UserPlus } from "lucide-react";
import { useId } from "react";
import type { Notification } from "../api/types.ts";
import { notifications, statuses, useEntity } from "../feed/entities.ts";
import { navigate } from "../navigation/history.ts";
import { isPlainClick, Link } from "../navigation/link.tsx";
import { profilePath, threadPath } from "../navigation/routes.ts";
import { FollowButton } from "../profile/follow-button.tsx";
import { plainText } from "../status/sanitize.ts";
import { StatusCard } from "../status/status-card.tsx";
import { Age } from "../ui/age.tsx";
import { Avatar, nameOf } from "../ui/avatar.tsx";

const KINDS: Readonly<Record<string, readonly [LucideIcon, string, string]>> = {
  favourite: [Heart, "text-rose", "favourited your post"],
  reblog: [Repeat2, "text-leaf", "boosted your post"],
  follow: [UserPlus, "text-accent", "follows you"],
  follow_request: [UserPlus, "text-accent", "asks to follow you"],
  status: [Bell, "text-accent", "posted"],
  update: [Pencil, "text-soft", "edited a post"],
  mention: [AtSign, "text-accent", "mentioned you"],
};

export function NotificationCard({ id }: { id: string }) {
  const notification = useEntity(notifications, id);
  if (!notification) return null;
  // What someone wrote is shown as what it is: a post.
  const isPost = notification.type === "mention" || notification.type === "status";
  if (isPost && notification.status) return <StatusCard id={notification.status.id} />;
  return <Event notification={notification} />;
}

function Event({ notification }: { notification: Notification }) {
  const { account, type } = notification;
  const labelId = useId();
  const status = useEntity(statuses, notification.status?.id ?? "");
  const [Icon, colour, words] = KINDS[type] ?? [Bell, "text-soft", "did something"];
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the post inside is the same link for the keyboard
    <article
      className="card event"
      tabIndex={-1}
      aria-labelledby={labelId}
      onClick={(event) => {
        const isOnControl = (event.target as Element).closest("a,button");
        if (!isOnControl && isPlainClick(event))
          navigate(status ? threadPath(status) : profilePath(account.acct));
      }}
    >
      <Icon aria-hidden="true" className={`mt-1 size-5 shrink-0 ${colour}`} />
      <div className="min-w-0 flex-1">
        <div className="flex items-center gap-3">
          <Link to={profilePath(account.acct)} tabIndex={-1} aria-hidden="true">
            <Avatar account={account} size="sm" />
          </Link>
          <p id={labelId} className="min-w-0 flex-1">
            <Link to={profilePath(account.acct)} className="font-semibold hover:underline" data-key="profile">
              <bdi>{nameOf(account)}</bdi>
            </Link>{" "}
            {words}
          </p>
          <span className="card-age">
            <Age of={notification.created_at} />
          </span>
        </div>
        {status && (
          <Link
            to={threadPath(status)}
            className="mt-1.5 line-clamp-3 block text-soft"
            dir="auto"
            data-key="open"
          >
            {status.spoiler_text || plainText(status.content) || "A picture"}
          </Link>
        )}
        {type === "follow" && (
          <div className="mt-2">
            <FollowButton account={account} />
          </div>
        )}
        {type === "follow_request" && (
          <Link to="/follow-requests" className="button button-quiet mt-2">
            Answer
          </Link>
        )}
      </div>
    </article>
  );
}
