import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { get, pathWith } from "../api/client.ts";
import type { SearchResults } from "../api/types.ts";
import { statuses as known, putStatus } from "../feed/entities.ts";
import { navigate } from "../navigation/history.ts";
import { Page } from "../navigation/page.tsx";
import type { SearchKind } from "../navigation/routes.ts";
import { AccountRow } from "../profile/account-row.tsx";
import { StatusCard } from "../status/status-card.tsx";
import { Empty, Failure, Loading } from "../ui/states.tsx";
import { TagRow } from "./explore-page.tsx";
import { SearchField } from "./search-field.tsx";

const TYPING_PAUSE_MS = 300;
const KINDS: readonly (readonly [SearchKind, string])[] = [
  ["all", "All"],
  ["accounts", "People"],
  ["statuses", "Posts"],
  ["hashtags", "Tags"],
];

export default function SearchPage({ query, kind }: { query: string; kind: SearchKind }) {
  const [typed, setTyped] = useState(query);
  useEffect(() => {
    if (typed.trim() === query) return;
    const timer = setTimeout(() => go(typed.trim(), kind), TYPING_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed, query, kind]);
  const search = useQuery({
    queryKey: ["search", query, kind],
    queryFn: async ({ signal }) => {
      const results = await get<SearchResults>("/api/v2/search", {
        query: { q: query, limit: kind === "all" ? 8 : 40, ...(kind === "all" ? {} : { type: kind }) },
        signal,
      });
      for (const status of results.statuses) putStatus(status);
      return results;
    },
    enabled: query !== "",
    placeholderData: keepPreviousData,
    meta: { isKept: true },
  });
  return (
    <Page title="Search" isRoot>
      <div className="px-5 pt-3 pb-1">
        <SearchField query={query} hasFocus={query === ""} onType={setTyped} />
      </div>
      <fieldset className="tabs">
        <legend className="sr-only">What to search for</legend>
        {KINDS.map(([name, label]) => (
          <button
            key={name}
            type="button"
            className="tab"
            aria-pressed={kind === name}
            onClick={() => go(query, name)}
          >
            {label}
          </button>
        ))}
      </fieldset>
      {query === "" && (
        <Empty title="Look for someone, or something">
          <p>A name, a few words of a post, or a tag.</p>
        </Empty>
      )}
      {search.isLoading && <Loading />}
      {search.error && <Failure error={search.error} onRetry={() => void search.refetch()} />}
      {query !== "" && search.data && <Results results={search.data} query={query} kind={kind} />}
    </Page>
  );
}

function Results({ results, query, kind }: { results: SearchResults; query: string; kind: SearchKind }) {
  const { accounts, hashtags } = results;
  // One that was deleted meanwhile leaves no heading over nothing.
  const statuses = results.statuses.filter((status) => known.get(status.id));
  if (accounts.length + statuses.length + hashtags.length === 0) {
    return (
      <Empty title={`Nothing found for “${query}”`}>
        <p>Try fewer or other words.</p>
      </Empty>
    );
  }
  const hasHeads = kind === "all";
  return (
    <section aria-label="Results">
      {accounts.length > 0 && hasHeads && <h2 className="section-title">People</h2>}
      {accounts.map((account) => (
        <AccountRow key={account.id} account={account} />
      ))}
      {hashtags.length > 0 && hasHeads && <h2 className="section-title">Tags</h2>}
      {hashtags.map((tag) => (
        <TagRow key={tag.name} tag={tag} />
      ))}
      {statuses.length > 0 && hasHeads && <h2 className="section-title">Posts</h2>}
      {statuses.map((status) => (
        <StatusCard key={status.id} id={status.id} />
      ))}
    </section>
  );
}

function go(query: string, kind: SearchKind): void {
  const path = pathWith("/search", { q: query || null, type: kind === "all" ? null : kind });
  navigate(path, { replace: true });
}
