import { useEffect, useState } from "react";
import { notifications } from "../feed/entities.ts";
import { FeedList } from "../feed/feed-list.tsx";
import { type FeedRow, waitingIds } from "../feed/feed-state.ts";
import { feedOf, MENTIONS, NOTIFICATIONS, useFeedView } from "../feed/feeds.ts";
import { useLayer } from "../navigation/layer.tsx";
import { Link } from "../navigation/link.tsx";
import { Page } from "../navigation/page.tsx";
import { useViewer } from "../session/viewer.ts";
import { counted } from "../ui/format.ts";
import { Empty } from "../ui/states.tsx";
import { grouped } from "./groups.ts";
import { NotificationCard } from "./notification-card.tsx";
import { markSeen } from "./unread.ts";

const NOTIFICATION_NOUN = ["notification", "notifications"] as const;

export default function NotificationsPage() {
  const [onlyMentions, setOnlyMentions] = useState(false);
  const requests = useViewer()?.source.follow_requests_count ?? 0;
  useSeen();
  return (
    <Page title="Notifications" isRoot>
      <fieldset className="tabs">
        <legend className="sr-only">Which notifications</legend>
        <button
          type="button"
          className="tab"
          aria-pressed={!onlyMentions}
          onClick={() => setOnlyMentions(false)}
        >
          All
        </button>
        <button
          type="button"
          className="tab"
          aria-pressed={onlyMentions}
          onClick={() => setOnlyMentions(true)}
        >
          Mentions
        </button>
      </fieldset>
      {requests > 0 && (
        <Link to="/follow-requests" className="notice">
          {counted(requests, "person asks", "people ask")} to follow you
        </Link>
      )}
      <FeedList
        key={onlyMentions ? "mentions" : "all"}
        source={onlyMentions ? MENTIONS : NOTIFICATIONS}
        label={onlyMentions ? "Mentions" : "Notifications"}
        renderEntry={renderNotification}
        groups={GROUPS}
        noun={NOTIFICATION_NOUN}
        empty={
          <Empty title="Quiet so far">
            <p>Replies, follows, boosts and favourites appear here.</p>
          </Empty>
        }
      />
    </Page>
  );
}

const renderNotification = (id: string) => <NotificationCard ids={[id]} />;
const GROUPS = {
  of: (rows: readonly FeedRow[]) => grouped(rows, (id) => notifications.get(id)),
  render: (ids: readonly string[]) => <NotificationCard ids={ids} />,
};

/** What is shown while the page is looked at has been seen; what still waits behind the pill has not. */
function useSeen(): void {
  const { state } = useFeedView(feedOf(NOTIFICATIONS));
  const { isActive } = useLayer();
  const first = state.rows[0];
  const id = first?.kind === "entry" ? first.id : null;
  const waitingCount = waitingIds(state).length;
  useEffect(() => {
    if (isActive && id) markSeen(id, waitingCount);
  }, [id, isActive, waitingCount]);
}
