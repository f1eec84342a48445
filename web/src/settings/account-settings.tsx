import { type ReactNode, useState } from "react";
import { Link } from "../navigation/link.tsx";
import { profilePath } from "../navigation/routes.ts";
import { signOut } from "../session/oauth.ts";
import { useViewer } from "../session/viewer.ts";
import { Button } from "../ui/button.tsx";
import { monthOf } from "../ui/format.ts";
import { Loading } from "../ui/states.tsx";

export function AccountSettings() {
  const viewer = useViewer();
  const [isLeaving, setIsLeaving] = useState(false);
  if (!viewer) return <Loading what="rows" />;
  const leave = () => {
    setIsLeaving(true);
    void signOut();
  };
  return (
    <>
      <dl className="facts">
        <Fact name="Account">@{viewer.acct}</Fact>
        <Fact name="Here since">{monthOf(viewer.created_at)}</Fact>
        <Fact name="Posts">
          <Link to={profilePath(viewer.acct)} className="text-link">
            {viewer.statuses_count}
          </Link>
        </Fact>
        <Fact name="Saved">
          <span className="flex flex-col gap-1">
            <Link to="/bookmarks" className="text-link">
              Bookmarks
            </Link>
            <Link to="/favourites" className="text-link">
              Favourites
            </Link>
            <Link to="/follow-requests" className="text-link">
              Follow requests
            </Link>
          </span>
        </Fact>
      </dl>
      <div className="mt-6 border-line border-t pt-6">
        <p className="mb-4 max-w-prose text-soft">
          Signing out takes back this browser's access and removes everything kept in it: cached posts, drafts
          and places.
        </p>
        <Button look="danger" isBusy={isLeaving} onClick={leave}>
          Sign out
        </Button>
      </div>
    </>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
