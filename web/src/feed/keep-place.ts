/** Holds the row being read where it is, whatever happens above it, and comes back to it after a reload. */
import { type RefObject, useCallback, useLayoutEffect, useRef } from "react";
import type { VirtualizerHandle } from "virtua";
import { useLayer } from "../navigation/layer.tsx";
import { type Place, rememberPlace } from "../navigation/places.ts";

/** Rows measure themselves over some frames; the place is corrected for this many. */
const SETTLING_FRAMES = 12;

interface Anchor {
  readonly key: string;
  readonly offsetPx: number;
}

/** The heights measured last time are for exactly these rows. */
export function signatureOf(keys: readonly string[]): string {
  return `${keys.length}:${keys[0]}:${keys.at(-1)}`;
}

export function useKeepPlace(options: {
  keys: readonly string[];
  list: RefObject<VirtualizerHandle | null>;
  frame: RefObject<HTMLDivElement | null>;
  firstPlace: Place | null;
  isReady: boolean;
  hasMoreAbove: boolean;
  placeName: string | undefined;
}): () => void {
  const { keys, list, frame, firstPlace, isReady, hasMoreAbove, placeName } = options;
  const { entry, isActive, scroller, ownsPlace } = useLayer();
  const anchor = useRef<Anchor | null>(null);
  const wasAtTop = useRef(true);
  const settled = useRef(keys);
  const isRestored = useRef(false);
  const settling = useRef(0);

  useLayoutEffect(() => {
    ownsPlace.current = true;
    return () => {
      ownsPlace.current = false;
    };
  }, [ownsPlace]);

  const hold = useCallback(
    (held: Anchor) => {
      cancelAnimationFrame(settling.current);
      const box = scroller.current;
      let frames = SETTLING_FRAMES;
      const correct = () => {
        const row = rowElement(frame.current, held.key);
        if (box && row) {
          const drift = row.getBoundingClientRect().top - box.getBoundingClientRect().top - held.offsetPx;
          if (Math.abs(drift) >= 1) box.scrollTop += drift;
        }
        if (frames-- > 0) settling.current = requestAnimationFrame(correct);
      };
      // Not at once: the list has moved the scroll position but not yet its rows. Both are done before the next paint.
      settling.current = requestAnimationFrame(correct);
      const stop = () => cancelAnimationFrame(settling.current);
      // The reader moves: from here on the place is theirs.
      for (const event of ["wheel", "touchstart", "keydown", "pointerdown"] as const) {
        box?.addEventListener(event, stop, { once: true, passive: true });
      }
    },
    [frame, scroller],
  );

  useLayoutEffect(() => {
    if (!isReady || isRestored.current || keys.length === 0) return;
    isRestored.current = true;
    const { anchorKey, offsetPx = 0 } = firstPlace ?? {};
    const index = anchorKey === undefined ? -1 : keys.indexOf(anchorKey);
    if (anchorKey === undefined || index === -1) return;
    list.current?.scrollToIndex(index, { align: "start", offset: -offsetPx });
    hold({ key: anchorKey, offsetPx });
  }, [firstPlace, hold, isReady, keys, list]);

  useLayoutEffect(() => {
    if (settled.current === keys) return;
    settled.current = keys;
    const held = anchor.current;
    // At the very top there is nothing to hold: what was asked for comes into view there.
    if (held && keys.includes(held.key) && (!wasAtTop.current || hasMoreAbove)) hold(held);
  }, [hasMoreAbove, hold, keys]);

  return useCallback(() => {
    const box = scroller.current;
    const handle = list.current;
    if (!box || !handle || settled.current !== keys) return;
    wasAtTop.current = box.scrollTop < 4;
    anchor.current = anchorIn(box, frame.current);
    const place = {
      scrollTop: box.scrollTop,
      ...(anchor.current ? { anchorKey: anchor.current.key, offsetPx: anchor.current.offsetPx } : {}),
      heights: { rows: signatureOf(keys), cache: handle.cache },
    };
    rememberPlace(entry.key, place);
    // A covered list is not being read: only the one in front says where the reader is.
    if (placeName && isActive) rememberPlace(placeName, place);
  }, [entry.key, frame, isActive, keys, list, placeName, scroller]);
}

/** The first row whose end is in view. */
function anchorIn(box: HTMLElement, frame: HTMLElement | null): Anchor | null {
  const top = box.getBoundingClientRect().top;
  for (const row of frame?.querySelectorAll<HTMLElement>("[data-row]") ?? []) {
    const rect = row.getBoundingClientRect();
    if (rect.bottom > top + 1 && row.dataset.row) return { key: row.dataset.row, offsetPx: rect.top - top };
  }
  return null;
}

function rowElement(frame: HTMLElement | null, key: string): HTMLElement | null {
  return frame?.querySelector<HTMLElement>(`[data-row="${CSS.escape(key)}"]`) ?? null;
}
