/** What stands around the pages: the navigation, at the side or below, and what is told about the whole. */
import { lazy, Suspense, useEffect, useSyncExternalStore } from "react";
import { useShortcuts } from "../keyboard/use-shortcuts.ts";
import { useSession } from "../session/session.ts";
import { keepSendingMarks } from "../status/marks.ts";
import { whenIdle } from "../ui/idle.ts";
import { OfflineBar } from "../ui/offline-bar.tsx";
import { SheetHost } from "../ui/sheet-host.tsx";
import { ToastHost } from "../ui/toast-host.tsx";
import { dismissOffers } from "../ui/toasts.ts";
import { useStack } from "./history.ts";
import { Layer } from "./layer.tsx";
import { BottomBar, Rail } from "./navigation.tsx";
import { CurrentPage, prefetchPages } from "./pages.tsx";

const Aside = lazy(() => import("./aside.tsx"));
const ExpiredSheet = lazy(() => import("../session/expired-sheet.tsx"));

const WIDE = matchMedia("(width >= 1180px)");

export function Shell() {
  const { entries, current } = useStack();
  const { token, isExpired } = useSession();
  useShortcuts();
  const isWide = useIsWide();
  // biome-ignore lint/correctness/useExhaustiveDependencies: with each other page
  useEffect(() => dismissOffers, [current.key, current.path]);
  useEffect(() => whenIdle(prefetchPages), []);
  useEffect(keepFocusSoon, []);
  useEffect(() => {
    if (!token || isExpired) return;
    let stop: (() => void) | null = null;
    let isOver = false;
    const giveUp = whenIdle(async () => {
      const { startLive } = await import("../feed/live.ts");
      if (!isOver) stop = startLive();
    });
    const stopSending = keepSendingMarks();
    return () => {
      isOver = true;
      giveUp();
      stopSending();
      stop?.();
    };
  }, [token, isExpired]);
  return (
    <>
      <button type="button" className="skip-link" onClick={skipToContent}>
        Skip to the content
      </button>
      <div className="shell">
        <Rail />
        {isWide && (
          <Suspense fallback={<aside className="aside" aria-label="More" />}>
            <Aside />
          </Suspense>
        )}
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
      {isExpired && (
        <Suspense>
          <ExpiredSheet />
        </Suspense>
      )}
      <SheetHost />
      <ToastHost />
    </>
  );
}

/** Narrower screens have no room for it, and need not fetch it: the same width as in shell.css. */
function useIsWide(): boolean {
  return useSyncExternalStore(
    (listener) => {
      WIDE.addEventListener("change", listener);
      return () => WIDE.removeEventListener("change", listener);
    },
    () => WIDE.matches,
  );
}

/** No one has moved the focus before the first page is there. */
function keepFocusSoon(): () => void {
  let stop: (() => void) | null = null;
  let isOver = false;
  void import("./focus-keeper.ts").then(({ keepFocus }) => {
    if (!isOver) stop = keepFocus();
  });
  return () => {
    isOver = true;
    stop?.();
  };
}

/** A button and not a link to a fragment: the address says which page this is, and must not change. */
function skipToContent(): void {
  document.querySelector<HTMLElement>(".layer[data-active=true] h1")?.focus();
}
