/**
 * A long list of which only the part in view is in the document. It keeps its place: by the row being read, through
 * new rows above, through Back and through a reload.
 */
import {
  type ReactElement,
  type RefObject,
  useCallback,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { Virtualizer, type VirtualizerHandle } from "virtua";
import { useLayer } from "../navigation/layer.tsx";
import { placeOf } from "../navigation/places.ts";
import { toTop } from "../ui/motion.ts";
import { signatureOf, useKeepPlace } from "./keep-place.ts";

/** Rows this close to an end ask for more. */
const ROWS_AHEAD = 8;
/** Rows are ready this far beyond what is in view; before the first paint, only as far as can be waited for. */
const BUFFER_PX = 900;
const FIRST_BUFFER_PX = 200;
const FIRST_ROW = [0];

export interface VirtualListHandle {
  scrollToTop(): void;
  isAtTop(): boolean;
  isInUpperHalf(): boolean;
}

interface VirtualListProps<Row> {
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly renderRow: (row: Row) => ReactElement;
  readonly label: string;
  /** About how high a row is, until it is measured. */
  readonly rowPx: number;
  readonly isBusy?: boolean;
  /** There is more above the first row than is loaded: new rows there must not push it down. */
  readonly hasMoreAbove?: boolean;
  /** A name under which the place is also kept for later visits. */
  readonly placeName?: string | undefined;
  readonly onNearEnd?: () => void;
  readonly onNearStart?: () => void;
  readonly ref?: RefObject<VirtualListHandle | null>;
}

export function VirtualList<Row>(props: VirtualListProps<Row>) {
  const { rows, keyOf, renderRow, rowPx, label, isBusy, hasMoreAbove = false } = props;
  const { onNearEnd, onNearStart, placeName, ref } = props;
  const { entry, scroller } = useLayer();
  const list = useRef<VirtualizerHandle>(null);
  const frame = useRef<HTMLDivElement>(null);
  const [startMargin, setStartMargin] = useState<number | null>(null);
  const keys = useMemo(() => rows.map(keyOf), [rows, keyOf]);
  const isAtTop = () => (scroller.current?.scrollTop ?? 0) < 4;
  const isShift = useIsShift(keys, () => isAtTop() && !hasMoreAbove);
  const focusedRow = useFocusedRow(frame, keys);
  const [firstPlace] = useState(() => placeOf(entry.key) ?? (placeName ? placeOf(placeName) : null));
  const bufferPx = useBuffer(firstPlace === null);
  const remember = useKeepPlace({
    keys,
    list,
    frame,
    firstPlace,
    isReady: startMargin !== null,
    hasMoreAbove,
    placeName,
  });

  useStartMargin(frame, setStartMargin);
  const look = useCallback(() => {
    const handle = list.current;
    if (!handle) return;
    remember();
    const first = handle.findItemIndex(handle.scrollOffset);
    const last = handle.findItemIndex(handle.scrollOffset + handle.viewportSize);
    if (last >= keys.length - ROWS_AHEAD) onNearEnd?.();
    if (first < ROWS_AHEAD) onNearStart?.();
  }, [keys.length, onNearEnd, onNearStart, remember]);
  useEffect(look, [look]);

  useImperativeHandle(ref, () => ({
    scrollToTop: () => scroller.current && toTop(scroller.current),
    isAtTop,
    isInUpperHalf: () => {
      const { scrollTop = 0, scrollHeight = 0 } = scroller.current ?? {};
      return scrollTop < scrollHeight / 2;
    },
  }));

  // A list that begins below what is in view would be a feed without anything in it.
  const isBelowView =
    startMargin !== null && (scroller.current?.scrollTop ?? 0) + innerHeight + bufferPx < startMargin;
  const heights = firstPlace?.heights;
  return (
    <div ref={frame} role="feed" aria-label={label} aria-busy={isBusy || undefined}>
      {startMargin !== null && (
        <Virtualizer
          ref={list}
          data={rows}
          scrollRef={scroller}
          startMargin={startMargin}
          shift={isShift}
          bufferSize={bufferPx}
          itemSize={rowPx}
          keepMounted={isBelowView ? FIRST_ROW : focusedRow}
          onScroll={look}
          onScrollEnd={look}
          {...(heights && heights.rows === signatureOf(keys) ? { cache: heights.cache } : {})}
        >
          {renderRow}
        </Virtualizer>
      )}
    </div>
  );
}

/** A list that begins at its top shows that first. */
function useBuffer(isFromTop: boolean): number {
  const [bufferPx, setBufferPx] = useState(isFromTop ? FIRST_BUFFER_PX : BUFFER_PX);
  useEffect(() => {
    const frame = requestAnimationFrame(() => setTimeout(() => setBufferPx(BUFFER_PX)));
    return () => cancelAnimationFrame(frame);
  }, []);
  return bufferPx;
}

/**
 * Rows were added or taken at the start, and only there: the list then holds its place from the end. Not at the
 * very top, where new rows asked for are to be seen.
 */
function useIsShift(keys: readonly string[], staysAtTop: () => boolean): boolean {
  // What is on screen, not what was last rendered: React may render without ever showing it.
  const shown = useRef(keys);
  useLayoutEffect(() => {
    shown.current = keys;
  }, [keys]);
  const before = shown.current;
  return (
    before.length > 0 &&
    keys.length !== before.length &&
    keys[0] !== before[0] &&
    keys.at(-1) === before.at(-1) &&
    !staysAtTop()
  );
}

/** A focused row must not vanish under the reader's hands when it scrolls out of view. */
function useFocusedRow(frame: RefObject<HTMLDivElement | null>, keys: readonly string[]): number[] {
  const [focusedKey, setFocusedKey] = useState<string | null>(null);
  useEffect(() => {
    const box = frame.current;
    const onFocus = (event: FocusEvent) => {
      const row = (event.target as Element).closest<HTMLElement>("[data-row]");
      setFocusedKey(row?.dataset.row ?? null);
    };
    const onBlur = () => setFocusedKey(null);
    box?.addEventListener("focusin", onFocus);
    box?.addEventListener("focusout", onBlur);
    return () => {
      box?.removeEventListener("focusin", onFocus);
      box?.removeEventListener("focusout", onBlur);
    };
  }, [frame]);
  return useMemo(() => {
    const index = focusedKey === null ? -1 : keys.indexOf(focusedKey);
    return index === -1 ? [] : [index];
  }, [focusedKey, keys]);
}

/** How far down the list begins: what stands above it may grow. */
function useStartMargin(frame: RefObject<HTMLDivElement | null>, set: (px: number) => void): void {
  useLayoutEffect(() => {
    // By the document, since at the first mount of all the layer's own ref is set after this has run.
    const box = frame.current?.closest<HTMLElement>(".layer");
    const measure = () => {
      if (!box || !frame.current) return;
      const top = frame.current.getBoundingClientRect().top - box.getBoundingClientRect().top;
      set(Math.round(top + box.scrollTop));
    };
    measure();
    const observer = new ResizeObserver(measure);
    for (let above = frame.current?.previousElementSibling; above; above = above.previousElementSibling) {
      observer.observe(above);
    }
    if (box) observer.observe(box);
    const parent = frame.current?.parentElement;
    for (let above = parent?.previousElementSibling; above; above = above.previousElementSibling) {
      observer.observe(above);
    }
    return () => observer.disconnect();
  }, [frame, set]);
}
