/** The row of things to do with a post. */
import { Bookmark, Ellipsis, Heart, MessageCircle, Repeat2 } from "lucide-react";
import { lazy, type ReactNode, Suspense, useRef, useState } from "react";
import type { Status } from "../api/types.ts";
import { type Mark, usePendingMarks } from "../feed/pending-marks.ts";
import { navigate } from "../navigation/history.ts";
import { currentSession, useIsSignedIn } from "../session/session.ts";
import { changePreferences, preferences } from "../settings/preferences.ts";
import { shortCount } from "../ui/format.ts";
import { ask, openSheet } from "../ui/sheets.ts";
import { toast } from "../ui/toasts.ts";
import { isMarked, toggleMark } from "./marks.ts";

const StatusMenu = lazy(() => import("./status-menu.tsx"));

export function StatusActions({ status }: { status: Status }) {
  const isOwn = status.account.id === currentSession().accountId;
  const canBoost =
    status.visibility === "public" ||
    status.visibility === "unlisted" ||
    (isOwn && status.visibility === "private");
  const waiting = usePendingMarks().flatMap(({ id, mark }) => (id === status.id ? [mark] : []));
  return (
    <div className="actions">
      <Action
        icon={<MessageCircle aria-hidden="true" />}
        label="Reply"
        count={status.replies_count}
        shortcut="reply"
        onPress={() => signedIn(() => openSheet({ kind: "compose", replyTo: status }))}
      />
      <Action
        icon={<Repeat2 aria-hidden="true" />}
        label={canBoost ? "Boost" : "Can't be boosted"}
        count={status.reblogs_count}
        shortcut="boost"
        isOn={isMarked(status, "reblog")}
        isWaiting={waiting.includes("reblog")}
        tone="boost"
        isDisabled={!canBoost}
        onPress={() => signedIn(() => boost(status))}
      />
      <Action
        icon={<Heart aria-hidden="true" />}
        label="Favourite"
        count={status.favourites_count}
        shortcut="favourite"
        isOn={isMarked(status, "favourite")}
        isWaiting={waiting.includes("favourite")}
        tone="favourite"
        onPress={() => signedIn(() => mark(status, "favourite"))}
      />
      <Action
        icon={<Bookmark aria-hidden="true" />}
        label="Bookmark"
        shortcut="bookmark"
        isOn={isMarked(status, "bookmark")}
        isWaiting={waiting.includes("bookmark")}
        tone="bookmark"
        onPress={() => signedIn(() => mark(status, "bookmark"))}
      />
      <MoreButton status={status} />
    </div>
  );
}

function Action({
  icon,
  label,
  count = 0,
  shortcut,
  isOn,
  isWaiting = false,
  tone = "reply",
  isDisabled = false,
  onPress,
}: {
  icon: ReactNode;
  label: string;
  count?: number;
  shortcut: string;
  isOn?: boolean;
  /** Shown already, sent when there is a connection. */
  isWaiting?: boolean;
  tone?: string;
  isDisabled?: boolean;
  onPress: () => void;
}) {
  const name = isWaiting ? `${label}, waiting for a connection` : label;
  return (
    <button
      type="button"
      className={`action action-${tone} ${isWaiting ? "action-waiting" : ""}`}
      aria-pressed={isOn}
      aria-label={count > 0 ? `${name}, ${count}` : name}
      title={name}
      disabled={isDisabled}
      onClick={onPress}
      data-key={shortcut}
    >
      {icon}
      {count > 0 && <span aria-hidden="true">{shortCount(count)}</span>}
    </button>
  );
}

function MoreButton({ status }: { status: Status }) {
  const button = useRef<HTMLButtonElement>(null);
  const [isOpen, setIsOpen] = useState(false);
  const isSignedIn = useIsSignedIn();
  return (
    <>
      <button
        ref={button}
        type="button"
        className="action action-more ml-auto"
        aria-label="More"
        title="More"
        aria-haspopup="menu"
        aria-expanded={isOpen}
        onClick={() => setIsOpen(true)}
        data-key="more"
      >
        <Ellipsis aria-hidden="true" />
      </button>
      {isOpen && (
        <Suspense>
          <StatusMenu
            status={status}
            anchor={button}
            isSignedIn={isSignedIn}
            onClose={() => setIsOpen(false)}
          />
        </Suspense>
      )}
    </>
  );
}

/** Visitors are shown the way in instead. */
function signedIn(run: () => void): void {
  if (currentSession().token) run();
  else toast("Sign in to do that", { action: { label: "Sign in", run: () => navigate("/login") } });
}

function mark(status: Status, kind: Mark): void {
  void toggleMark(status.id, kind);
}

/** The first boost ever asks, since a key pressed by accident sends someone's words to everyone. */
function boost(status: Status): void {
  const run = () => mark(status, "reblog");
  if (preferences().knowsBoosts || isMarked(status, "reblog")) {
    run();
    return;
  }
  ask({
    title: "Boost this post?",
    text: "Boosting shows it to everyone who follows you. You won't be asked again.",
    yes: "Boost",
    onYes: () => {
      changePreferences({ knowsBoosts: true });
      run();
    },
  });
}
