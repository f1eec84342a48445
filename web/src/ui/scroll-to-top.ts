import { motion } from "./motion.ts";

/** Turns of a wheel closer together than this are one movement. */
const PAUSE_MS = 250;
const AT_MOST_MS = 1_500;
const STALLED_FRAMES = 6;

/** To the top, also when a wheel is still turning: what it scrolls after that was meant before. */
export function scrollToTop(box: Element): void {
  box.scrollTo({ top: 0, behavior: motion() });
  const begunAt = performance.now();
  const isOver = new AbortController();
  const { signal } = isOver;
  let turnedAt = begunAt;
  let lastTop = box.scrollTop;
  let stalled = 0;
  const onWheel = () => {
    const now = performance.now();
    if (now - turnedAt > PAUSE_MS) isOver.abort();
    turnedAt = now;
  };
  const follow = () => {
    const now = performance.now();
    const { scrollTop } = box;
    if (signal.aborted || now - begunAt > AT_MOST_MS || (scrollTop === 0 && now - turnedAt > PAUSE_MS)) {
      isOver.abort();
      return;
    }
    stalled = scrollTop === lastTop ? stalled + 1 : 0;
    if (scrollTop > lastTop || (scrollTop > 0 && stalled > STALLED_FRAMES)) box.scrollTop = 0;
    lastTop = box.scrollTop;
    requestAnimationFrame(follow);
  };
  addEventListener("wheel", onWheel, { signal, passive: true });
  for (const event of ["keydown", "pointerdown", "touchstart"] as const) {
    // Not the very press that has brought us here.
    setTimeout(() => addEventListener(event, () => isOver.abort(), { signal, passive: true }));
  }
  requestAnimationFrame(follow);
}
