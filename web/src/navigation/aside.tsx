/** On wide screens, beside the page: search, and people to follow. */
import { SearchField } from "../explore/search-field.tsx";
import { useSuggestions } from "../explore/suggestions.ts";
import { FollowButton } from "../profile/follow-button.tsx";
import { useIsSignedIn } from "../session/session.ts";
import { useInstance } from "../session/viewer.ts";
import { Avatar, nameOf } from "../ui/avatar.tsx";
import { openSheet } from "../ui/sheets.ts";
import { useStack } from "./history.ts";
import { Link } from "./link.tsx";
import { profilePath, routeOf } from "./routes.ts";

const SHOWN = 4;

export default function Aside() {
  const isSignedIn = useIsSignedIn();
  const instance = useInstance();
  const people = useSuggestions();
  const { page } = routeOf(useStack().current.path);
  const hasOwnSearch = page === "search" || page === "explore";
  return (
    <aside className="aside" aria-label="More">
      {!hasOwnSearch && <SearchField />}
      {people.length > 0 && (
        <section className="aside-card" aria-label="People here">
          <h2>People here</h2>
          <ul className="flex flex-col gap-4">
            {people.slice(0, SHOWN).map((account) => (
              <li key={account.id} className="flex items-center gap-3">
                <Link to={profilePath(account.acct)} className="flex min-w-0 flex-1 items-center gap-3">
                  <Avatar account={account} className="!size-10" />
                  <span className="min-w-0">
                    <bdi className="card-name block truncate">{nameOf(account)}</bdi>
                    <span className="card-handle block truncate text-sm">@{account.acct}</span>
                  </span>
                </Link>
                <FollowButton account={account} />
              </li>
            ))}
          </ul>
        </section>
      )}
      {!isSignedIn && instance?.registrations.enabled && (
        <section className="aside-card" aria-label="Join">
          <h2>A place on the wire</h2>
          <p className="mb-4 text-soft">Follow people, post, and keep your place. It takes a minute.</p>
          <Link to="/signup" className="button button-strong w-full">
            Create an account
          </Link>
        </section>
      )}
      <p className="aside-foot">
        <Link to="/about">About {instance?.title ?? "this server"}</Link>
        <button type="button" onClick={() => openSheet({ kind: "shortcuts" })}>
          Keys
        </button>
      </p>
    </aside>
  );
}
