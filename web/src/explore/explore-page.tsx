/** What there is beyond whom one follows. Only what this server has to show gets a tab. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { get } from "../api/client.ts";
import type { Status, Tag } from "../api/types.ts";
import { putStatus } from "../feed/entities.ts";
import { FeedList } from "../feed/feed-list.tsx";
import { PUBLIC } from "../feed/feeds.ts";
import { Link } from "../navigation/link.tsx";
import { Page } from "../navigation/page.tsx";
import { tagPath } from "../navigation/routes.ts";
import { AccountRow } from "../profile/account-row.tsx";
import { StatusCard } from "../status/status-card.tsx";
import { counted } from "../ui/format.ts";
import { Empty } from "../ui/states.tsx";
import { SearchField } from "./search-field.tsx";
import { useSuggestions } from "./suggestions.ts";

const POLL_MS = 30_000;

type TabName = "public" | "people" | "tags" | "discussed";
const TITLES: Readonly<Record<TabName, string>> = {
  discussed: "Discussed",
  tags: "Tags",
  people: "People",
  public: "Public",
};

export default function ExplorePage() {
  const people = useSuggestions();
  const { data: tags = [] } = useQuery({
    queryKey: ["trends", "tags"],
    queryFn: () => get<Tag[]>("/api/v1/trends/tags"),
    staleTime: 300_000,
  });
  const { data: discussed = [] } = useQuery({
    queryKey: ["trends", "statuses"],
    queryFn: async () => {
      const found = await get<Status[]>("/api/v1/trends/statuses");
      for (const status of found) putStatus(status);
      return found;
    },
    staleTime: 300_000,
  });
  const tabs: TabName[] = [
    ...(discussed.length > 0 ? (["discussed"] as const) : []),
    "public",
    ...(people.length > 0 ? (["people"] as const) : []),
    ...(tags.length > 0 ? (["tags"] as const) : []),
  ];
  const [chosen, setChosen] = useState<TabName>("public");
  const tab = tabs.includes(chosen) ? chosen : "public";
  return (
    <Page title="Explore" isRoot>
      <div className="px-5 pt-3 pb-1">
        <SearchField />
      </div>
      <fieldset className="tabs">
        <legend className="sr-only">What to explore</legend>
        {tabs.map((name) => (
          <button
            key={name}
            type="button"
            className="tab"
            aria-pressed={tab === name}
            onClick={() => setChosen(name)}
          >
            {TITLES[name]}
          </button>
        ))}
      </fieldset>
      {tab === "public" && <PublicTimeline />}
      {tab === "people" && people.map((account) => <AccountRow key={account.id} account={account} />)}
      {tab === "tags" && tags.map((tag) => <TagRow key={tag.name} tag={tag} />)}
      {tab === "discussed" && discussed.map((status) => <StatusCard key={status.id} id={status.id} />)}
    </Page>
  );
}

export function PublicTimeline() {
  return (
    <FeedList
      source={PUBLIC}
      label="Public posts"
      renderEntry={renderStatus}
      pollEveryMs={POLL_MS}
      empty={
        <Empty title="Nothing public yet">
          <p>The first public post on this server appears here.</p>
        </Empty>
      }
    />
  );
}

const renderStatus = (id: string) => <StatusCard id={id} />;

export function TagRow({ tag }: { tag: Tag }) {
  const uses = (tag.history ?? []).reduce((sum, day) => sum + Number(day.uses), 0);
  return (
    <Link to={tagPath(tag.name)} className="account-row items-center">
      <span className="font-semibold">#{tag.name}</span>
      {uses > 0 && <span className="text-sm text-soft">{counted(uses, "post", "posts")} this week</span>}
    </Link>
  );
}
