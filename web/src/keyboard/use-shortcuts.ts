import { useEffect } from "react";
import { useIsSignedIn } from "../session/session.ts";
import { useViewer } from "../session/viewer.ts";
import { usePreferences } from "../settings/preferences.ts";

export function useShortcuts(): void {
  const { hasShortcuts } = usePreferences();
  const isSignedIn = useIsSignedIn();
  const acct = useViewer()?.acct ?? null;
  useEffect(() => {
    if (!hasShortcuts) return;
    const stopping = new AbortController();
    void import("./listen.ts").then(({ listenToKeys }) => listenToKeys(acct, isSignedIn, stopping.signal));
    return () => stopping.abort();
  }, [hasShortcuts, isSignedIn, acct]);
}
