/**
 * The focus never falls to the body. Whatever takes away the element that had it (a follow that empties the first-run
 * page, a deleted post, a closed sheet), it goes where the reader is: back, to the nearest thing still there, to the post
 * beside it, or else to the page's heading.
 */
import { isSheetOpen } from "../ui/sheets.ts";

const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex]";
/** Messages and what lies over the page come and go; the page is where the reader returns to. */
const OVER_THE_PAGE = ".toasts, .menu-place, .dialog, .lightbox";

interface Held {
  readonly element: Element;
  /** From the element outwards, as they were. */
  readonly ancestors: readonly Element[];
}

let onPage: Held | null = null;
let overPage: Held | null = null;
/** Rows that stood beside one that was taken away. */
let besideRemoved: Element | null = null;
let isDue = false;

export function keepFocus(): () => void {
  const observer = new MutationObserver(onRemoval);
  observer.observe(document.body, { childList: true, subtree: true });
  document.addEventListener("focusin", onFocus);
  document.addEventListener("focusout", onLeave);
  return () => {
    observer.disconnect();
    document.removeEventListener("focusin", onFocus);
    document.removeEventListener("focusout", onLeave);
  };
}

function onFocus({ target }: FocusEvent): void {
  if (!(target instanceof Element) || target === document.body) return;
  const held = { element: target, ancestors: ancestorsOf(target) };
  if (target.closest(OVER_THE_PAGE)) {
    overPage = held;
  } else {
    onPage = held;
    overPage = null;
    besideRemoved = null;
  }
}

/** A click beside everything takes the focus away as well; that is the reader's own doing, and stays so. */
function onLeave({ target, relatedTarget }: FocusEvent): void {
  if (relatedTarget) return;
  setTimeout(() => {
    const isByHand = target instanceof HTMLElement && target.isConnected && isShown(target) && hasFallen();
    if (!isByHand || !document.hasFocus() || isCovered()) return;
    if (onPage?.element === target) onPage = null;
  });
}

function onRemoval(records: readonly MutationRecord[]): void {
  const lost = overPage?.element.isConnected === false ? overPage : onPage;
  if (!lost) return;
  for (const { removedNodes, nextSibling, previousSibling } of records) {
    for (const node of removedNodes) {
      if (!(node instanceof Element) || !lost.ancestors.includes(node)) continue;
      const isRow = node.matches("article, [data-row]") || node.querySelectorAll("[data-row]").length === 1;
      besideRemoved = isRow ? (rowIn(nextSibling) ?? rowIn(previousSibling)) : null;
    }
  }
  if (isDue || !hasFallen()) return;
  isDue = true;
  // The libraries' own ways of giving the focus back come first, and so does what takes the place of what is gone.
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      isDue = false;
      if (hasFallen()) restore();
    }),
  );
}

function restore(): void {
  if (isCovered()) {
    if (overPage) focus(nearest(overPage));
    return;
  }
  const layer = document.querySelector(".layer[data-active=true]");
  const heading = layer?.querySelector("h1") ?? null;
  if (!onPage) {
    focus(heading);
    return;
  }
  const isElsewhere = onPage.element.closest(".layer") !== layer && onPage.element.closest(".layer") !== null;
  if (isElsewhere) return;
  focus(nearest(onPage) ?? besideRemoved ?? heading);
}

/** The element itself, or what it stood in, where that can have the focus. A row of the page around is too far. */
function nearest({ element, ancestors }: Held): Element | null {
  if (element.isConnected && isShown(element)) return element;
  return (
    ancestors.find((around) => around.isConnected && around.matches(FOCUSABLE) && isShown(around)) ?? null
  );
}

function rowIn(node: Node | null): Element | null {
  if (!(node instanceof Element)) return null;
  return node.matches("article") ? node : node.querySelector("article");
}

function ancestorsOf(element: Element): Element[] {
  const found: Element[] = [];
  for (let at: Element | null = element; at && at !== document.body; at = at.parentElement) found.push(at);
  return found;
}

function hasFallen(): boolean {
  const focused = document.activeElement;
  return !focused || focused === document.body;
}

function isCovered(): boolean {
  return isSheetOpen() || document.querySelector(".menu") !== null;
}

function isShown(element: Element): boolean {
  return element.checkVisibility({ visibilityProperty: true }) && !element.matches(":disabled");
}

function focus(target: Element | null): void {
  if (target instanceof HTMLElement) target.focus({ preventScroll: !target.matches("article") });
}
