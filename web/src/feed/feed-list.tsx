/** A list with all its states: what is shown while loading, when empty, when refused, at its end. */
import {
  lazy,
  type ReactElement,
  type ReactNode,
  Suspense,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { sentenceOf } from "../api/errors.ts";
import { useLayer } from "../navigation/layer.tsx";
import { placeOf } from "../navigation/places.ts";
import { Button } from "../ui/button.tsx";
import { dateOnly } from "../ui/format.ts";
import { End, Failure, Loading } from "../ui/states.tsx";
import { notifications, statuses } from "./entities.ts";
import type { Feed, FeedSource, FeedView } from "./feed.ts";
import { type FeedRow, type ListRow, MAX_ROWS, rowKey, waitingIds } from "./feed-state.ts";
import { feedOf, useFeedView, usePolling } from "./feeds.ts";
import { GapRow } from "./gap-row.tsx";
import { VirtualList, type VirtualListHandle } from "./virtual-list.tsx";

const Pill = lazy(() => import("./pill.tsx"));

interface FeedListProps {
  readonly source: FeedSource;
  readonly label: string;
  readonly renderEntry: (id: string) => ReactElement;
  readonly empty: ReactNode;
  readonly noun?: readonly [one: string, many: string];
  /** For lists that show several entries as one row. */
  readonly groups?: {
    readonly of: (rows: readonly FeedRow[]) => readonly ListRow[];
    readonly render: (ids: readonly string[]) => ReactElement;
  };
  /** For lists that no stream feeds. */
  readonly pollEveryMs?: number;
}

/** A middling post, and a row of a person. */
const POST_PX = 180;
const ACCOUNT_PX = 90;
const POSTS = ["post", "posts"] as const;

export function FeedList({
  source,
  label,
  renderEntry,
  groups,
  empty,
  noun = POSTS,
  pollEveryMs,
}: FeedListProps) {
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
  return <Rows feed={feed} view={view} label={label} renderEntry={renderEntry} groups={groups} noun={noun} />;
}

function Rows({
  feed,
  view,
  label,
  renderEntry,
  groups,
  noun,
}: {
  feed: Feed;
  view: FeedView;
  label: string;
  renderEntry: (id: string) => ReactElement;
  groups: FeedListProps["groups"];
  noun: readonly [string, string];
}) {
  const list = useRef<VirtualListHandle>(null);
  const { state } = view;
  const [aboveCount, setAboveCount] = useState(0);
  const waiting = waitingIds(state);

  const renderRow = useCallback(
    (row: ListRow) => {
      const key = rowKey(row);
      if (row.kind === "gap") {
        return <GapRow key={key} feed={feed} newerId={row.newerId} olderId={row.olderId} />;
      }
      return (
        <div key={key} data-row={key}>
          {row.kind === "entry" ? renderEntry(row.id) : groups?.render(row.ids)}
        </div>
      );
    },
    [feed, groups, renderEntry],
  );
  const rows = useMemo(() => groups?.of(state.rows) ?? state.rows, [groups, state.rows]);
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
      {waiting.length + aboveCount > 0 && (
        <Suspense>
          <Pill waitingIds={waiting} aboveCount={aboveCount} noun={noun} onPress={showNew} />
        </Suspense>
      )}
      <VirtualList
        ref={list}
        rows={rows}
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
