import { useSyncExternalStore } from "react";
import { fullTime, shortAge } from "./format.ts";

/** One clock for all ages on screen, which ticks only while they are looked at. */
const listeners = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of listeners) each();
  }, 30_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

export function Age({ of }: { of: string }) {
  const at = useSyncExternalStore(subscribe, () => now);
  // Only who points at it asks for the whole time; working that out for a whole list costs a first visit a tenth.
  return (
    <time
      dateTime={of}
      onPointerEnter={(event) => {
        event.currentTarget.title = fullTime(of);
      }}
    >
      {shortAge(of, Math.max(at, Date.parse(of)))}
    </time>
  );
}
