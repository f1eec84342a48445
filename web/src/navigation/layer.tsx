/** One page of the stack in its own scroll box. Covered ones stay mounted, hidden and inert. */
import {
  createContext,
  type RefObject,
  useContext,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
} from "react";
import type { HistoryEntry } from "./history.ts";
import { placeOf, rememberPlace } from "./places.ts";
import { type Route, routeOf } from "./routes.ts";

interface LayerValue {
  readonly entry: HistoryEntry;
  readonly route: Route;
  readonly isActive: boolean;
  readonly scroller: RefObject<HTMLDivElement | null>;
  /** Lists keep their place themselves, by entry; set before the layer would do it by pixels. */
  readonly ownsPlace: RefObject<boolean>;
}

const LayerContext = createContext<LayerValue | null>(null);

export function useLayer(): LayerValue {
  const layer = useContext(LayerContext);
  if (!layer) throw new Error("useLayer outside of a layer");
  return layer;
}

const RESTORE_TIMEOUT_MS = 2_000;
const MAX_FRAMES_TO_HEADING = 180;

export function Layer({
  entry,
  isActive,
  children,
}: {
  entry: HistoryEntry;
  isActive: boolean;
  children: React.ReactNode;
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const ownsPlace = useRef(false);
  const value = useMemo(
    () => ({ entry, route: routeOf(entry.path), isActive, scroller, ownsPlace }),
    [entry, isActive],
  );
  useFocusOnArrival(scroller, entry, isActive);
  usePixelPlace(scroller, entry.key, ownsPlace);
  return (
    <LayerContext value={value}>
      <div
        ref={scroller}
        className="layer"
        inert={!isActive}
        data-active={isActive}
        id={isActive ? "content" : undefined}
      >
        {children}
      </div>
    </LayerContext>
  );
}

/** The heading takes the focus on arrival; on the way back it is what had it. */
function useFocusOnArrival(
  scroller: RefObject<HTMLDivElement | null>,
  entry: HistoryEntry,
  isActive: boolean,
): void {
  const lastFocus = useRef<Element | null>(null);
  const wasShown = useRef<string | null>(null);
  useEffect(() => {
    const box = scroller.current;
    const remember = (event: FocusEvent) => {
      lastFocus.current = event.target as Element;
    };
    box?.addEventListener("focusin", remember);
    return () => box?.removeEventListener("focusin", remember);
  }, [scroller]);
  const { page } = routeOf(entry.path);
  // Another page in the same place is an arrival, too.
  useEffect(() => {
    if (!isActive) return;
    const isReturn = wasShown.current === page;
    wasShown.current = page;
    if (!isReturn && !entry.isArrival) return;
    let frames = MAX_FRAMES_TO_HEADING;
    let frame = 0;
    const focus = () => {
      // A page may have put the focus where it is wanted, as search does.
      if (scroller.current?.contains(document.activeElement)) return;
      const heading = scroller.current?.querySelector("h1");
      const target = isReturn && lastFocus.current?.isConnected ? lastFocus.current : heading;
      if (target instanceof HTMLElement) target.focus({ preventScroll: true });
      // The page may still be on its way, in a chunk of its own.
      else if (frames-- > 0) frame = requestAnimationFrame(focus);
    };
    frame = requestAnimationFrame(focus);
    return () => cancelAnimationFrame(frame);
  }, [scroller, entry.isArrival, isActive, page]);
}

/** Pages without a list come back to where they were in pixels, as soon as they have grown that long again. */
function usePixelPlace(
  scroller: RefObject<HTMLDivElement | null>,
  key: string,
  ownsPlace: RefObject<boolean>,
): void {
  useLayoutEffect(() => {
    const box = scroller.current;
    if (!box || ownsPlace.current) return;
    const place = placeOf(key);
    const remember = () => {
      if (!ownsPlace.current) rememberPlace(key, { scrollTop: box.scrollTop });
    };
    box.addEventListener("scroll", remember, { passive: true });
    const content = box.firstElementChild;
    if (!place || !content) return () => box.removeEventListener("scroll", remember);
    const observer = new ResizeObserver(() => {
      if (ownsPlace.current || box.scrollHeight - box.clientHeight < place.scrollTop) return;
      box.scrollTop = place.scrollTop;
      observer.disconnect();
    });
    observer.observe(content);
    const giveUp = setTimeout(() => observer.disconnect(), RESTORE_TIMEOUT_MS);
    return () => {
      box.removeEventListener("scroll", remember);
      observer.disconnect();
      clearTimeout(giveUp);
    };
  }, [scroller, key, ownsPlace]);
}
