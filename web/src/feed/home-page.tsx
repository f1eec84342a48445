import { PenLine } from "lucide-react";
import { useSuggestions } from "../explore/suggestions.ts";
import { Link } from "../navigation/link.tsx";
import { Page } from "../navigation/page.tsx";
import { AccountRow } from "../profile/account-row.tsx";
import { useViewer } from "../session/viewer.ts";
import { StatusCard } from "../status/status-card.tsx";
import { Avatar } from "../ui/avatar.tsx";
import { openSheet } from "../ui/sheets.ts";
import { Empty } from "../ui/states.tsx";
import { FeedList } from "./feed-list.tsx";
import { HOME } from "./feeds.ts";

export function HomePage() {
  return (
    <Page title="Home" isRoot>
      <ComposeOffer />
      <FeedList source={HOME} label="Home timeline" renderEntry={renderStatus} empty={<FirstRun />} />
    </Page>
  );
}

const renderStatus = (id: string) => <StatusCard id={id} />;

function ComposeOffer() {
  const viewer = useViewer();
  return (
    <button type="button" className="compose-offer" onClick={() => openSheet({ kind: "compose" })}>
      {viewer ? <Avatar account={viewer} /> : <span className="avatar avatar-md" />}
      <span className="flex-1 text-left">What's the view from up there?</span>
      <PenLine aria-hidden="true" className="size-5" />
    </button>
  );
}

/** Why it is empty, and what to do about it. */
function FirstRun() {
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
