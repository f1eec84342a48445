import { AtSign, Bell, Heart, type LucideIcon, Pencil, Repeat2, UserPlus } from "lucide-react";
import { Fragment, useId } from "react";
import type { Account, Notification } from "../api/types.ts";
import { notifications, statuses, useEntity } from "../feed/entities.ts";
import { navigate } from "../navigation/history.ts";
import { isPlainClick, Link } from "../navigation/link.tsx";
import { profilePath, threadPath } from "../navigation/routes.ts";
import { FollowButton } from "../profile/follow-button.tsx";
import { plainText } from "../status/sanitize.ts";
import { StatusCard } from "../status/status-card.tsx";
import { Age } from "../ui/age.tsx";
import { Avatar, nameOf } from "../ui/avatar.tsx";
import { counted } from "../ui/format.ts";
import { shortened } from "../ui/shortened.ts";

const KINDS: Readonly<
  Record<string, readonly [icon: LucideIcon, colour: string, words: string, wordsOfMany?: string]>
> = {
  favourite: [Heart, "text-rose", "favourited your post"],
  reblog: [Repeat2, "text-leaf", "boosted your post"],
  follow: [UserPlus, "text-accent", "follows you", "follow you"],
  follow_request: [UserPlus, "text-accent", "asks to follow you"],
  status: [Bell, "text-accent", "posted"],
  update: [Pencil, "text-soft", "edited a post"],
  mention: [AtSign, "text-accent", "mentioned you"],
};

const MAX_FACES = 6;
/** Enough to know which post it was; the post itself is one press away. */
const EXCERPT_CHARACTERS = 120;

/** Several ids: the same was done by several people. The newest comes first. */
export function NotificationCard({ ids }: { ids: readonly string[] }) {
  const notification = useEntity(notifications, ids[0] ?? "");
  if (!notification) return null;
  // What someone wrote is shown as what it is: a post.
  const isPost = notification.type === "mention" || notification.type === "status";
  if (isPost && notification.status) return <StatusCard id={notification.status.id} />;
  return <Event notification={notification} people={peopleOf(ids)} />;
}

function Event({ notification, people }: { notification: Notification; people: readonly Account[] }) {
  const { account, type } = notification;
  const labelId = useId();
  const status = useEntity(statuses, notification.status?.id ?? "");
  const [Icon, colour, words, wordsOfMany = words] = KINDS[type] ?? [Bell, "text-soft", "did something"];
  const isGroup = people.length > 1;
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
        {isGroup && <Faces people={people} />}
        <div className="flex items-center gap-3">
          {!isGroup && (
            <Link to={profilePath(account.acct)} tabIndex={-1} aria-hidden="true">
              <Avatar account={account} size="sm" />
            </Link>
          )}
          <p id={labelId} className="min-w-0 flex-1">
            <Names people={people} /> {isGroup ? wordsOfMany : words}
          </p>
          <span className="card-age">
            <Age of={notification.created_at} />
          </span>
        </div>
        {status && (
          <Link to={threadPath(status)} className="mt-1.5 block text-soft" dir="auto" data-key="open">
            {shortened(status.spoiler_text || plainText(status.content), EXCERPT_CHARACTERS) || "A picture"}
          </Link>
        )}
        {type === "follow" && !isGroup && (
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

function Faces({ people }: { people: readonly Account[] }) {
  return (
    <p className="mb-2 flex gap-1.5">
      {people.slice(0, MAX_FACES).map((person) => (
        <Link
          key={person.id}
          to={profilePath(person.acct)}
          aria-label={nameOf(person)}
          title={nameOf(person)}
        >
          <Avatar account={person} size="sm" />
        </Link>
      ))}
    </p>
  );
}

/** "Wren", "Wren and Lark", "Wren, Lark and 3 others". */
function Names({ people }: { people: readonly Account[] }) {
  const named = people.slice(0, 2);
  const others = people.length - named.length;
  return (
    <>
      {named.map((person, i) => (
        <Fragment key={person.id}>
          {i > 0 && (others > 0 ? ", " : " and ")}
          <Link to={profilePath(person.acct)} className="font-semibold hover:underline" data-key="profile">
            <bdi>{nameOf(person)}</bdi>
          </Link>
        </Fragment>
      ))}
      {others > 0 && ` and ${counted(others, "other", "others")}`}
    </>
  );
}

function peopleOf(ids: readonly string[]): Account[] {
  const accounts = ids.flatMap((id) => notifications.get(id)?.account ?? []);
  return [...new Map(accounts.map((account) => [account.id, account])).values()];
}
