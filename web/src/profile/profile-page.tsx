import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { get } from "../api/client.ts";
import type { Account } from "../api/types.ts";
import { FeedList } from "../feed/feed-list.tsx";
import { accountsFeed, profileFeed } from "../feed/feeds.ts";
import { navigate } from "../navigation/history.ts";
import { isPlainClick, Link } from "../navigation/link.tsx";
import { Page } from "../navigation/page.tsx";
import { type ProfileTab, profilePath } from "../navigation/routes.ts";
import { currentSession } from "../session/session.ts";
import { StatusCard } from "../status/status-card.tsx";
import { nameOf } from "../ui/avatar.tsx";
import { counted } from "../ui/format.ts";
import { Empty, Failure, Loading } from "../ui/states.tsx";
import { AccountRowById } from "./account-row.tsx";
import { ProfileHead } from "./profile-head.tsx";
import { useRelationship } from "./relations.ts";

export default function ProfilePage({ acct, tab }: { acct: string; tab: ProfileTab }) {
  const { data, error, refetch } = useQuery({
    queryKey: ["account", acct],
    queryFn: () => get<Account>("/api/v1/accounts/lookup", { query: { acct } }),
    meta: { isKept: true },
  });
  if (!data) {
    return (
      <Page title={`@${acct}`}>
        {error ? <Failure error={error} onRetry={() => void refetch()} /> : <Loading />}
      </Page>
    );
  }
  const isPeople = tab === "followers" || tab === "following";
  return (
    <Page
      title={isPeople ? `${nameOf(data)}: ${tab}` : nameOf(data)}
      subtitle={counted(data.statuses_count, "post", "posts")}
    >
      {isPeople ? <People account={data} tab={tab} /> : <Posts account={data} tab={tab} />}
    </Page>
  );
}

function Posts({ account, tab }: { account: Account; tab: "posts" | "with_replies" | "media" }) {
  const relationship = useRelationship(account.id);
  const isHidden = relationship?.blocking || relationship?.blocked_by;
  return (
    <>
      <ProfileHead account={account} />
      <nav className="tabs" aria-label="Posts of this profile">
        <Tab to={profilePath(account.acct)} isCurrent={tab === "posts"}>
          Posts
        </Tab>
        <Tab to={profilePath(account.acct, "with_replies")} isCurrent={tab === "with_replies"}>
          With replies
        </Tab>
        <Tab to={profilePath(account.acct, "media")} isCurrent={tab === "media"}>
          Media
        </Tab>
      </nav>
      {isHidden ? (
        <Empty title="Nothing to see here" />
      ) : (
        <FeedList
          key={tab}
          source={profileFeed(account.id, tab)}
          label={`Posts by ${nameOf(account)}`}
          renderEntry={renderStatus}
          empty={<NoPosts account={account} tab={tab} />}
        />
      )}
    </>
  );
}

function NoPosts({ account, tab }: { account: Account; tab: string }) {
  const isSelf = currentSession().accountId === account.id;
  if (tab === "media") return <Empty title="No pictures yet" />;
  return (
    <Empty title={isSelf ? "You haven't posted yet" : "No posts yet"}>
      {account.locked && !isSelf && <p>{nameOf(account)} shows posts to approved followers.</p>}
    </Empty>
  );
}

function People({ account, tab }: { account: Account; tab: "followers" | "following" }) {
  const isSelf = currentSession().accountId === account.id;
  return (
    <>
      <nav className="tabs" aria-label="People">
        <Tab to={profilePath(account.acct, "followers")} isCurrent={tab === "followers"}>
          Followers
        </Tab>
        <Tab to={profilePath(account.acct, "following")} isCurrent={tab === "following"}>
          Following
        </Tab>
      </nav>
      <FeedList
        key={tab}
        source={accountsFeed(`${tab}:${account.id}`, `/api/v1/accounts/${account.id}/${tab}`)}
        label={tab === "followers" ? "Followers" : "Following"}
        renderEntry={renderAccount}
        empty={
          account.hide_collections && !isSelf ? (
            <Empty title="This list is private" />
          ) : (
            <Empty title={tab === "followers" ? "No followers yet" : "Follows no one yet"} />
          )
        }
      />
    </>
  );
}

const renderStatus = (id: string) => <StatusCard id={id} />;
const renderAccount = (id: string) => <AccountRowById id={id} />;

/** Tabs are one page of the history: Back leaves the profile, not the tab. */
function Tab({ to, isCurrent, children }: { to: string; isCurrent: boolean; children: ReactNode }) {
  return (
    <Link
      to={to}
      className="tab"
      aria-current={isCurrent ? "page" : undefined}
      onClick={(event) => {
        if (!isPlainClick(event)) return;
        event.preventDefault();
        navigate(to, { replace: true });
      }}
    >
      {children}
    </Link>
  );
}
