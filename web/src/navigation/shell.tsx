/** What stands around the pages: the navigation, at the side or below, and what is told about the whole. */
import { lazy, Suspense, useEffect } from "react";
import { feedOf, NOTIFICATIONS } from "../feed/feeds.ts";
import { startLive } from "../feed/live.ts";
import { useShortcuts } from "../keyboard/use-shortcuts.ts";
import { recallSeen } from "../notifications/unread.ts";
import { ExpiredSheet } from "../session/expired-sheet.tsx";
import { useSession } from "../session/session.ts";
import { OfflineBar } from "../ui/offline-bar.tsx";
import { SheetHost } from "../ui/sheet-host.tsx";
import { ToastHost } from "../ui/toast-host.tsx";
import { useStack } from "./history.ts";
import { Layer } from "./layer.tsx";
import { BottomBar, Rail } from "./navigation.tsx";
import { CurrentPage, prefetchPages } from "./pages.tsx";

const Aside = lazy(() => import("./aside.tsx"));

export function Shell() {
  const { entries, current } = useStack();
  const { token, isExpired } = useSession();
  useShortcuts();
  useEffect(prefetchPages, []);
  useEffect(() => {
    if (!token || isExpired) return;
    void recallSeen();
    void feedOf(NOTIFICATIONS).open({ restore: false });
    return startLive();
  }, [token, isExpired]);
  return (
    <>
      <button type="button" className="skip-link" onClick={skipToContent}>
        Skip to the content
      </button>
      <div className="shell">
        <Rail />
        <Suspense fallback={<aside className="aside" aria-label="More" />}>
          <Aside />
        </Suspense>
        <div className="stage">
          <OfflineBar />
          {entries.map((entry) => (
            <Layer key={entry.key} entry={entry} isActive={entry.key === current.key}>
              <CurrentPage />
            </Layer>
          ))}
        </div>
        <BottomBar />
      </div>
      <ExpiredSheet />
      <SheetHost />
      <ToastHost />
    </>
  );
}

/** A button and not a link to a fragment: the address says which page this is, and must not change. */
function skipToContent(): void {
  document.querySelector<HTMLElement>(".layer[data-active=true] h1")?.focus();
}
