/** What a list, form or panel shows when it can't show its content: the same few states everywhere. */
import { type ReactNode, useEffect, useState } from "react";
import { ApiError, sentenceOf, Unreachable, waitInWords } from "../api/errors.ts";
import { Button } from "./button.tsx";
import { BirdOnWire } from "./logo.tsx";
import { toast } from "./toasts.ts";

const QUIET_MS = 150;
const LONG_MS = 8_000;

/** True once the time has passed since mounting. */
export function useAfter(ms: number): boolean {
  const [isPast, setIsPast] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setIsPast(true), ms);
    return () => clearTimeout(timer);
  }, [ms]);
  return isPast;
}

export function Loading({
  what = "cards",
  note,
  onRetry,
}: {
  what?: "cards" | "rows" | "page";
  note?: string;
  onRetry?: () => void;
}) {
  const isVisible = useAfter(QUIET_MS);
  const isLong = useAfter(LONG_MS);
  if (!isVisible) return <div aria-busy="true" className="min-h-96" />;
  return (
    <div aria-busy="true" className="min-h-96">
      <p className={note ? "px-5 pt-6 text-center font-display text-lg text-soft" : "sr-only"} role="status">
        {note ?? "Loading"}
      </p>
      {[0, 1, 2, 3, 4].map((i) => (
        <div key={i} aria-hidden="true" className="skeleton-card">
          <span className="bone size-11 rounded-full" />
          <span className="flex flex-1 flex-col gap-2.5 pt-1">
            <span className="bone h-3.5 w-2/5" />
            {what !== "rows" && <span className="bone h-3.5 w-full" />}
            {what !== "rows" && <span className="bone h-3.5 w-3/4" />}
            {what === "rows" && <span className="bone h-3 w-1/4" />}
          </span>
        </div>
      ))}
      {isLong && onRetry && (
        <p className="flex items-center justify-center gap-3 p-4 text-soft">
          Still loading…{" "}
          <Button look="quiet" onClick={onRetry}>
            Retry
          </Button>
        </p>
      )}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <BirdOnWire className="mb-5 h-16 w-40 text-soft" />
      <p className="font-display text-ink text-xl">{title}</p>
      {children && <div className="mt-2 flex max-w-sm flex-col items-center gap-4 text-soft">{children}</div>}
    </div>
  );
}

export function Failure({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  if (error instanceof ApiError && error.status === 429 && onRetry) {
    return <Countdown seconds={error.retryAfterSeconds ?? 30} onRetry={onRetry} />;
  }
  if (error instanceof ApiError && [403, 404, 410].includes(error.status)) {
    return (
      <Empty title="Not available">
        <p>It may have been deleted, or it isn't shown to you.</p>
      </Empty>
    );
  }
  const requestId = error instanceof ApiError ? error.requestId : null;
  return (
    <div className="empty" role="alert">
      <p className="font-display text-ink text-xl">
        {error instanceof Unreachable ? "No connection" : "That didn't load"}
      </p>
      <p className="mt-1 max-w-sm text-soft">{sentenceOf(error)}</p>
      <div className="mt-4 flex flex-wrap items-center justify-center gap-2">
        {onRetry && (
          <Button look="quiet" onClick={onRetry}>
            Retry
          </Button>
        )}
        {requestId && <CopyRequestId id={requestId} />}
      </div>
    </div>
  );
}

function CopyRequestId({ id }: { id: string }) {
  const copy = async () => {
    await navigator.clipboard.writeText(id);
    toast("Request id copied");
  };
  return (
    <Button look="plain" onClick={() => void copy()}>
      Copy request id
    </Button>
  );
}

function Countdown({ seconds, onRetry }: { seconds: number; onRetry: () => void }) {
  const [left, setLeft] = useState(seconds);
  useEffect(() => {
    if (left <= 0) {
      onRetry();
      return;
    }
    const timer = setTimeout(() => setLeft(left - 1), 1_000);
    return () => clearTimeout(timer);
  }, [left, onRetry]);
  return (
    <div className="empty" role="status">
      <p className="font-display text-ink text-xl">A short break</p>
      <p className="mt-1 text-soft">
        That was a lot of requests. Trying again by itself in {waitInWords(left)}.
      </p>
    </div>
  );
}

export function End({ since, children }: { since?: string | undefined; children?: ReactNode }) {
  return (
    <div className="end-of-list">
      <BirdOnWire className="h-10 w-28" />
      <p>{children ?? (since ? `That's all, back to ${since}` : "That's all")}</p>
    </div>
  );
}
