const ANNOUNCED_LEFT: readonly number[] = [50, 20, 0];

/** How much room is left; spoken only where it begins to matter. */
export function Counter({ length, max }: { length: number; max: number }) {
  const left = max - length;
  const share = Math.min(1, Math.max(0, length / max));
  const isOver = left < 0;
  const spoken = isOver || ANNOUNCED_LEFT.includes(left);
  return (
    <span className={`counter ${isOver ? "counter-over" : left <= 50 ? "counter-near" : ""}`}>
      <svg viewBox="0 0 24 24" className="size-6 -rotate-90" aria-hidden="true">
        <circle cx="12" cy="12" r="9.500" className="counter-track" />
        <circle
          cx="12"
          cy="12"
          r="9.500"
          className="counter-fill"
          pathLength={1}
          strokeDasharray={`${share} 1`}
        />
      </svg>
      <span aria-hidden="true" className="min-w-8 tabular-nums">
        {left}
      </span>
      <span className="sr-only" role="status">
        {spoken ? (isOver ? `${-left} characters too many` : `${left} characters left`) : ""}
      </span>
    </span>
  );
}
