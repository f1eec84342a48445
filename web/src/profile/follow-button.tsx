import type { Account } from "../api/types.ts";
import { navigate } from "../navigation/history.ts";
import { currentSession, useIsSignedIn } from "../session/session.ts";
import { nameOf } from "../ui/avatar.tsx";
import { Button } from "../ui/button.tsx";
import { ask } from "../ui/sheets.ts";
import { relate, useRelationship } from "./relations.ts";

export function FollowButton({ account }: { account: Account }) {
  const isSignedIn = useIsSignedIn();
  const relationship = useRelationship(account.id);
  const name = nameOf(account);
  if (!isSignedIn) {
    return (
      <Button aria-label={`Follow ${name}`} onClick={() => navigate("/login")}>
        Follow
      </Button>
    );
  }
  if (currentSession().accountId === account.id) return null;
  // Its width is kept free until the answer is there.
  if (!relationship) return <span className="inline-block h-10 w-24" aria-hidden="true" />;
  if (relationship.blocking) {
    return (
      <Button look="danger" aria-label={`Unblock ${name}`} onClick={() => void relate(account, "unblock")}>
        Blocked
      </Button>
    );
  }
  if (relationship.following || relationship.requested) {
    const isRequest = !relationship.following;
    return (
      <Button
        look="quiet"
        aria-label={isRequest ? `Take back the request to follow ${name}` : `Unfollow ${name}`}
        onClick={() => (isRequest ? void relate(account, "unfollow") : askToUnfollow(account))}
      >
        {isRequest ? "Requested" : "Following"}
      </Button>
    );
  }
  const label = relationship.followed_by ? "Follow back" : account.locked ? "Ask to follow" : "Follow";
  return (
    <Button aria-label={`${label}: ${name}`} onClick={() => void relate(account, "follow")}>
      {label}
    </Button>
  );
}

function askToUnfollow(account: Account): void {
  ask({
    title: `Unfollow ${nameOf(account)}?`,
    text: "Their posts leave your home timeline.",
    yes: "Unfollow",
    onYes: () => void relate(account, "unfollow"),
  });
}
