import { useSuggestions } from "../explore/suggestions.ts";
import { Link } from "../navigation/link.tsx";
import { AccountRow } from "../profile/account-row.tsx";
import { Empty } from "../ui/states.tsx";

/** Why it is empty, and what to do about it. */
export default function FirstRun() {
  const people = useSuggestions();
  return (
    <>
      <Empty title="A quiet wire, for now">
        <p>
          Your home timeline holds the posts of the people you follow. Follow someone, and theirs appear here.
        </p>
        <Link to="/explore" className="button button-strong">
          Find people to follow
        </Link>
      </Empty>
      {people.length > 0 && (
        <section aria-label="People to follow">
          <h2 className="section-title">People here</h2>
          {people.slice(0, 6).map((account) => (
            <AccountRow key={account.id} account={account} />
          ))}
        </section>
      )}
    </>
  );
}
