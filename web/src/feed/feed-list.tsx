/** A list with all its states: what is shown while loading, when empty, when refused, at its end. */
import { type ReactElement, type ReactNode, useCallback, useEffect, useRef, useState } from "react";
import { sentenceOf } from "../api/errors.ts";
import { useLayer } from "../navigation/layer.tsx";
import { placeOf } from "../navigation/places.ts";
import { Button } from "../ui/button.tsx";
import { dateOnly } from "../ui/format.ts";
import { End, Failure, Loading } from "../ui/states.tsx";
import { notifications, statuses } from "./entities.ts";
import type { Feed, FeedSource, FeedView } from "./feed.ts";
import { type FeedRow, MAX_ROWS, rowKey, waitingIds } from "./feed-state.ts";
import { feedOf, useFeedView, usePolling } from "./feeds.ts";
import { GapRow } from "./gap-row.tsx";
import { Pill } from "./pill.tsx";
import { VirtualList, type VirtualListHandle } from "./virtual-list.tsx";

interface FeedListProps {
  readonly source: FeedSource;
  readonly label: string;
  readonly renderEntry: (id: string) => ReactElement;
  readonly empty: ReactNode;
  readonly noun?: readonly [one: string, many: string];
  /** For lists that no stream feeds. */
  readonly pollEveryMs?: number;
}

/** A middling post, and a row of a person. */
const POST_PX = 180;
const ACCOUNT_PX = 90;
const POSTS = ["post", "posts"] as const;

export function FeedList({ source, label, renderEntry, empty, noun = POSTS, pollEveryMs }: FeedListProps) {
  const feed = feedOf(source);
  const view = useFeedView(feed);
  const { entry, isActive } = useLayer();
  useEffect(() => {
    if (isActive) void feed.open({ restore: placeOf(entry.key) !== null });
  }, [feed, entry.key, isActive]);
  usePolling(feed, isActive && pollEveryMs ? pollEveryMs : null);

  const retry = useCallback(() => void feed.load(), [feed]);
  if (view.phase === "failed") return <Failure error={view.error} onRetry={retry} />;
  if (view.phase !== "ready") {
    return (
      <Loading
        what={source.holds === "account" ? "rows" : "cards"}
        onRetry={retry}
        {...(view.phase === "rebuilding" ? { note: "Preparing your timeline" } : {})}
      />
    );
  }
  if (view.state.rows.length === 0 && view.state.older === null) return empty;
  return <Rows feed={feed} view={view} label={label} renderEntry={renderEntry} noun={noun} />;
}

function Rows({
  feed,
  view,
  label,
  renderEntry,
  noun,
}: {
  feed: Feed;
  view: FeedView;
  label: string;
  renderEntry: (id: string) => ReactElement;
  noun: readonly [string, string];
}) {
  const list = useRef<VirtualListHandle>(null);
  const { state } = view;
  const [aboveCount, setAboveCount] = useState(0);
  const waiting = waitingIds(state);

  const renderRow = useCallback(
    (row: FeedRow) =>
      row.kind === "entry" ? (
        <div key={rowKey(row)} data-row={row.id}>
          {renderEntry(row.id)}
        </div>
      ) : (
        <GapRow key={rowKey(row)} feed={feed} newerId={row.newerId} olderId={row.olderId} />
      ),
    [feed, renderEntry],
  );
  const showNew = () => {
    const isAtTop = list.current?.isAtTop() ?? true;
    if (waiting.length === 0 || isAtTop) {
      setAboveCount(0);
      feed.showWaiting();
      list.current?.scrollToTop();
    } else {
      setAboveCount(aboveCount + waiting.length);
      feed.showWaiting();
    }
  };
  const nearStart = useCallback(() => {
    if (list.current?.isAtTop()) setAboveCount(0);
    void feed.loadNewer();
  }, [feed]);
  const isTooLong = state.rows.length > MAX_ROWS;
  useEffect(() => {
    if (isTooLong) feed.trim(list.current?.isInUpperHalf() ? "below" : "above");
  }, [feed, isTooLong]);

  return (
    <>
      <Pill waitingIds={waiting} aboveCount={aboveCount} noun={noun} onPress={showNew} />
      <VirtualList
        ref={list}
        rows={state.rows}
        keyOf={rowKey}
        renderRow={renderRow}
        label={label}
        rowPx={feed.source.holds === "account" ? ACCOUNT_PX : POST_PX}
        isBusy={view.isLoadingOlder}
        hasMoreAbove={state.isTrimmedAbove}
        placeName={feed.source.keepsPlace ? `feed:${feed.source.key}` : undefined}
        onNearEnd={() => !view.olderError && void feed.loadOlder()}
        onNearStart={nearStart}
      />
      <Foot feed={feed} view={view} />
    </>
  );
}

function Foot({ feed, view }: { feed: Feed; view: FeedView }) {
  if (view.olderError) {
    return (
      <div className="gap-row" role="alert">
        <p>{sentenceOf(view.olderError)}</p>
        <Button look="quiet" onClick={() => void feed.loadOlder()}>
          Retry
        </Button>
      </div>
    );
  }
  if (view.state.older === null) return <End since={oldestDate(feed, view)} />;
  return (
    <p className="h-24 p-8 text-center text-soft" aria-hidden="true">
      {view.isLoadingOlder ? "Loading…" : ""}
    </p>
  );
}

function oldestDate(feed: Feed, view: FeedView): string | undefined {
  const last = view.state.rows.at(-1);
  if (last?.kind !== "entry" || feed.source.holds === "account") return undefined;
  const entity = (feed.source.holds === "status" ? statuses : notifications).get(last.id);
  return entity ? dateOnly(entity.created_at) : undefined;
}
