/** How scrolling that the app does by itself should look to this reader. */
export function motion(): ScrollBehavior {
  return matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
}

/** To the top, even while a wheel is turning. */
export function toTop(box: Element): void {
  void import("./scroll-to-top.ts").then(({ scrollToTop }) => scrollToTop(box));
}
