import { CalendarDays, Ellipsis, Lock } from "lucide-react";
import { lazy, Suspense, useRef, useState } from "react";
import type { Account } from "../api/types.ts";
import { Link } from "../navigation/link.tsx";
import { profilePath } from "../navigation/routes.ts";
import { currentSession, useIsSignedIn } from "../session/session.ts";
import { Content } from "../status/content.tsx";
import { Avatar, nameOf } from "../ui/avatar.tsx";
import { monthOf, shortCount } from "../ui/format.ts";
import { FollowButton } from "./follow-button.tsx";
import { useRelationship } from "./relations.ts";

const ProfileMenu = lazy(() => import("./profile-menu.tsx"));

export function ProfileHead({ account }: { account: Account }) {
  const isSelf = currentSession().accountId === account.id;
  const relationship = useRelationship(account.id);
  return (
    <section className="profile-head" aria-label="Profile">
      <img src={account.header} alt="" className="profile-header" width={1500} height={500} />
      <div className="px-5">
        <div className="-mt-12 mb-3 flex items-end gap-2">
          <Avatar account={account} size="lg" className="profile-avatar" />
          <span className="ml-auto flex items-center gap-2 pb-1">
            {isSelf ? (
              <Link to="/settings/profile" className="button button-quiet">
                Edit profile
              </Link>
            ) : (
              <FollowButton account={account} />
            )}
            <MoreButton account={account} />
          </span>
        </div>
        <p className="profile-name">
          <bdi>{nameOf(account)}</bdi>
          {account.locked && (
            <Lock role="img" aria-label="Approves followers" className="ml-2 inline size-4" />
          )}
        </p>
        <p className="flex flex-wrap items-center gap-2 text-soft">
          <span className="break-all">@{account.acct}</span>
          {account.bot && <span className="badge">Automated</span>}
          {relationship?.followed_by && <span className="badge">Follows you</span>}
          {relationship?.muting && <span className="badge">Muted</span>}
        </p>
        {account.note && <Content html={account.note} emojis={account.emojis} className="mt-3" />}
        {account.fields.length > 0 && (
          <dl className="profile-fields">
            {account.fields.map((field) => (
              <div key={field.name + field.value}>
                <dt>{field.name}</dt>
                <dd>
                  <Content html={field.value} />
                </dd>
              </div>
            ))}
          </dl>
        )}
        <p className="mt-3 flex items-center gap-1.5 text-sm text-soft">
          <CalendarDays aria-hidden="true" className="size-4" /> Here since {monthOf(account.created_at)}
        </p>
        <p className="mt-2 mb-4 flex gap-5">
          <Link to={profilePath(account.acct, "following")} className="count-link">
            <strong>{shortCount(account.following_count)}</strong> following
          </Link>
          <Link to={profilePath(account.acct, "followers")} className="count-link">
            <strong>{shortCount(account.followers_count)}</strong>{" "}
            {account.followers_count === 1 ? "follower" : "followers"}
          </Link>
        </p>
      </div>
    </section>
  );
}

function MoreButton({ account }: { account: Account }) {
  const button = useRef<HTMLButtonElement>(null);
  const [isOpen, setIsOpen] = useState(false);
  const isSignedIn = useIsSignedIn();
  if (!isSignedIn) return null;
  return (
    <>
      <button
        ref={button}
        type="button"
        className="icon-button ring-1 ring-line"
        aria-label="More about this profile"
        aria-haspopup="menu"
        aria-expanded={isOpen}
        onClick={() => setIsOpen(true)}
      >
        <Ellipsis aria-hidden="true" />
      </button>
      {isOpen && (
        <Suspense>
          <ProfileMenu account={account} anchor={button} onClose={() => setIsOpen(false)} />
        </Suspense>
      )}
    </>
  );
}
