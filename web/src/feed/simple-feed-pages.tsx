/** Pages that are nothing but a list. */
import { Page } from "../navigation/page.tsx";
import { StatusCard } from "../status/status-card.tsx";
import { Empty } from "../ui/states.tsx";
import { FeedList } from "./feed-list.tsx";
import { markedFeed, tagFeed } from "./feeds.ts";

const POLL_MS = 30_000;

export function TagPage({ tag }: { tag: string }) {
  return (
    <Page title={`#${tag}`}>
      <FeedList
        source={tagFeed(tag)}
        label={`Posts with #${tag}`}
        renderEntry={renderStatus}
        pollEveryMs={POLL_MS}
        empty={
          <Empty title={`Nothing with #${tag} yet`}>
            <p>Public posts with this tag appear here.</p>
          </Empty>
        }
      />
    </Page>
  );
}

export function MarkedPage({ kind }: { kind: "bookmarks" | "favourites" }) {
  const isBookmarks = kind === "bookmarks";
  return (
    <Page title={isBookmarks ? "Bookmarks" : "Favourites"} isRoot>
      <FeedList
        source={markedFeed(kind)}
        label={isBookmarks ? "Bookmarks" : "Favourites"}
        renderEntry={renderStatus}
        empty={
          <Empty title={isBookmarks ? "No bookmarks yet" : "No favourites yet"}>
            <p>
              {isBookmarks
                ? "Bookmark a post to find it again. Only you see what is here."
                : "Posts you favourite are collected here."}
            </p>
          </Empty>
        }
      />
    </Page>
  );
}

const renderStatus = (id: string) => <StatusCard id={id} />;
