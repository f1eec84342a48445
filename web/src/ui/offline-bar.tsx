import { useEffect, useState, useSyncExternalStore } from "react";
import { reachable } from "../api/client.ts";
import { usePendingMarks } from "../feed/pending-marks.ts";
import { agoInWords, counted } from "./format.ts";

const LOOK_EVERY_MS = 10_000;

function subscribe(listener: () => void): () => void {
  reachable.listeners.add(listener);
  addEventListener("online", listener);
  addEventListener("offline", listener);
  return () => {
    reachable.listeners.delete(listener);
    removeEventListener("online", listener);
    removeEventListener("offline", listener);
  };
}

/** Says that what is shown may be old, and how old. */
export function OfflineBar() {
  const isOffline = useSyncExternalStore(subscribe, () => !navigator.onLine || !reachable.isReachable);
  const waitingCount = usePendingMarks().length;
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!isOffline) return;
    const look = () => {
      setNow(Date.now());
      void reachable.ask();
    };
    look();
    const timer = setInterval(look, LOOK_EVERY_MS);
    addEventListener("online", look);
    return () => {
      clearInterval(timer);
      removeEventListener("online", look);
    };
  }, [isOffline]);
  return (
    <div role="status" className="offline-place">
      {isOffline && (
        <p className="offline-bar">
          No connection. What you see is from {agoInWords(Math.max(0, now - reachable.lastAnswerAt))}.
          {waitingCount > 0 && ` ${counted(waitingCount, "change waits", "changes wait")} to be sent.`}
        </p>
      )}
    </div>
  );
}
